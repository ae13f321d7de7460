use super::*;

#[tokio::test]
async fn echo_answers_a_half_close_after_the_last_octet() {
    let (mut near, mut far) = tokio::io::duplex(64);
    let served = tokio::spawn(async move { echo(&mut far).await });
    near.write_all(b"hello").await.unwrap();
    near.shutdown().await.unwrap();
    let mut answer = Vec::new();
    near.read_to_end(&mut answer).await.unwrap();
    assert_eq!(answer, b"hello");
    served.await.unwrap().unwrap();
}

#[tokio::test]
async fn discard_answers_nothing_and_closes_after_the_peer() {
    let (mut near, mut far) = tokio::io::duplex(64);
    let served = tokio::spawn(async move { discard(&mut far).await });
    near.write_all(&[7; 1000]).await.unwrap();
    near.shutdown().await.unwrap();
    let mut answer = Vec::new();
    near.read_to_end(&mut answer).await.unwrap();
    assert!(answer.is_empty());
    served.await.unwrap().unwrap();
}

#[tokio::test]
async fn chargen_goes_on_after_a_half_close_and_ends_with_the_peer() {
    let (mut near, mut far) = tokio::io::duplex(4096);
    let served = tokio::spawn(async move { chargen(&mut far).await });
    near.shutdown().await.unwrap();
    let mut answer = vec![0; 20_000];
    near.read_exact(&mut answer).await.unwrap();
    let expected: Vec<u8> = pattern().into_iter().cycle().take(answer.len()).collect();
    assert_eq!(answer, expected);
    drop(near);
    served.await.unwrap().unwrap_err();
}

#[test]
fn the_pattern_is_the_one_of_rfc_864() {
    let pattern = pattern();
    let lines: Vec<&[u8]> = pattern.chunks(LINE + 2).collect();
    assert_eq!(lines.len(), 95);
    assert!(lines.iter().all(|line| line.ends_with(b"\r\n")));
    assert!(lines[0].starts_with(b" !\"#$%&'()*+,-./0123456789:;<=>?@ABC"));
    assert_eq!(lines[0][LINE - 1], b'g');
    assert_eq!(lines[1][0], b'!');
    // The ring goes on with a space after the tilde.
    assert!(lines[94].starts_with(b"~ !\""));
}
