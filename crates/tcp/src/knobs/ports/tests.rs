use super::{NoPorts, PortSet};

#[test]
fn lists_are_read_and_written_as_linux_does() {
    for (text, written) in
        [("", ""), ("80", "80"), ("80,90-100", "80,90-100"), ("81,80,80", "80-81"), ("1-65535", "1-65535")]
    {
        assert_eq!(text.parse::<PortSet>().map(|set| set.to_string()), Ok(written.to_owned()), "{text}");
    }
    for text in ["99-90", "80 90", "65536", "a", "+5", "1-", "-"] {
        assert_eq!(text.parse::<PortSet>(), Err(NoPorts), "{text}");
    }
}

#[test]
fn a_set_knows_its_ports() {
    let set: PortSet = "10,20-30,65535".parse().unwrap();
    let inside: Vec<u16> = (0..=u16::MAX).filter(|&port| set.contains(port)).collect();
    let expected: Vec<u16> = [10].into_iter().chain(20..=30).chain([65535]).collect();
    assert_eq!(inside, expected);
}
