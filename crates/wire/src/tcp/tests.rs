use super::*;
use crate::error::{Layer, ParseError};
use crate::frame::Head;
use proptest::prelude::*;
use smallvec::smallvec;

fn written(header: &Header) -> Vec<u8> {
    let mut out = Head::new();
    let len = emit(80, 4242, header, &mut out);
    assert_eq!(len, out.len());
    assert_eq!(len, HEADER_LEN + header.options.len());
    out.to_vec()
}

fn stamps() -> Option<Timestamps> {
    Some(Timestamps { value: 0x0102_0304, echo: 0x0506_0708 })
}

fn block(n: u32) -> SackBlock {
    SackBlock { left: Seq(n), right: Seq(n + 1) }
}

fn options_of(area: &[u8]) -> Options {
    Options::parse(area, true)
}

#[test]
fn every_field_has_its_place() {
    let header = Header {
        seq: Seq(0x0102_0304),
        ack: Seq(0x0506_0708),
        flags: Flags::PSH.with(Flags::ACK).with(Flags::URG),
        window: 0x090a,
        urgent: 0x0b0c,
        options: Options::default(),
    };
    let octets = [0, 80, 0x10, 0x92, 1, 2, 3, 4, 5, 6, 7, 8, 0x50, 0x38, 9, 10, 0, 0, 11, 12];
    assert_eq!(written(&header), octets);
    assert_eq!(parse(&octets), Ok((80, 4242, header, 20)));
}

#[test]
fn options_stand_in_linux_order_with_linux_padding() {
    let scale = Some(10);
    let area = |options: Options| {
        written(&Header { flags: Flags::SYN, options, ..Header::default() })[HEADER_LEN..].to_vec()
    };
    let ts = [8, 10, 1, 2, 3, 4, 5, 6, 7, 8];
    let syn = Options {
        mss: Some(1460),
        window_scale: scale,
        sack_permitted: true,
        timestamps: stamps(),
        ..Options::default()
    };
    assert_eq!(area(syn.clone()), [&[2, 4, 5, 180, 4, 2][..], &ts, &[1, 3, 3, 10]].concat());
    let no_stamps = Options { timestamps: None, ..syn.clone() };
    assert_eq!(area(no_stamps), [2, 4, 5, 180, 1, 1, 4, 2, 1, 3, 3, 10]);
    let no_sack = Options { sack_permitted: false, ..syn };
    assert_eq!(area(no_sack), [&[2, 4, 5, 180, 1, 1][..], &ts, &[1, 3, 3, 10]].concat());
    let acks = Options { timestamps: stamps(), sack: smallvec![block(1)], ..Options::default() };
    assert_eq!(area(acks), [&[1, 1][..], &ts, &[1, 1, 5, 10, 0, 0, 0, 1, 0, 0, 0, 2]].concat());
}

#[test]
fn sack_blocks_that_do_not_fit_stay_away() {
    let four: smallvec::SmallVec<[SackBlock; 4]> = (0..4).map(block).collect();
    let with_stamps = Options { timestamps: stamps(), sack: four.clone(), ..Options::default() };
    let header = Header { options: with_stamps, ..Header::default() };
    let (_, _, read, len) = parse(&written(&header)).expect("what we write can be read");
    assert_eq!(read.options.sack.as_slice(), &four[..3]);
    assert_eq!(len, 60);
    let alone = Header { options: Options { sack: four.clone(), ..Options::default() }, ..Header::default() };
    assert_eq!(parse(&written(&alone)).expect("good").2, alone);
}

#[test]
fn strange_options_are_read_as_linux_reads_them() {
    let mss = Options { mss: Some(1460), ..Options::default() };
    assert_eq!(options_of(&[2, 4, 5, 180, 0, 3, 3, 7]), mss, "END ends");
    assert_eq!(options_of(&[1, 1, 254, 4, 9, 9, 2, 4, 5, 180]), mss, "unknown kinds are skipped");
    assert_eq!(options_of(&[2, 4, 5, 180, 3, 1, 7]), mss, "a length below 2 ends");
    assert_eq!(options_of(&[2, 4, 5, 180, 3, 0, 7]), mss, "a length of 0 ends");
    assert_eq!(options_of(&[2, 4, 5, 180, 3, 4, 7]), mss, "a length beyond the area ends");
    assert_eq!(options_of(&[2, 4, 5, 180, 3]), mss, "no length ends");
    assert_eq!(options_of(&[2, 3, 9, 2, 4, 5, 180]), mss, "the wrong length is skipped");
    assert_eq!(options_of(&[2, 4, 2, 0, 2, 4, 5, 180]), mss, "the later one counts");
    assert_eq!(options_of(&[2, 4, 5, 180, 2, 4, 0, 0]), mss, "a zero MSS is none");
    assert_eq!(options_of(&[3, 3, 200]).window_scale, Some(200), "as received");
    assert_eq!(options_of(&[5, 2]), Options::default(), "no block is no SACK");
    assert_eq!(options_of(&[5, 9, 0, 0, 0, 1, 0, 0, 0]), Options::default(), "half a block is no SACK");
    let elsewhere = Options::parse(&[2, 4, 5, 180, 4, 2, 3, 3, 7], false);
    assert_eq!(elsewhere, Options::default(), "options of a SYN mean nothing elsewhere");
}

#[test]
fn errors_say_what_is_wrong() {
    assert_eq!(
        parse(&[0; 19]).expect_err("short").to_string(),
        "TCP header cut short: 20 octets needed, 19 there"
    );
    assert!(matches!(parse(&[0; 20]), Err(ParseError::Length { layer: Layer::Tcp, claimed: 0, .. })));
    let mut long = [0; 59];
    long[12] = 0xf0;
    assert_eq!(
        parse(&long).expect_err("short").to_string(),
        "TCP header cut short: 60 octets needed, 59 there"
    );
}

fn any_block() -> impl Strategy<Value = SackBlock> {
    any::<(u32, u32)>().prop_map(|(left, right)| SackBlock { left: Seq(left), right: Seq(right) })
}

fn any_options(syn: bool) -> impl Strategy<Value = Options> {
    let syn_only = (prop::option::of(1_u16..), any::<Option<u8>>(), any::<bool>());
    let stamps = prop::option::of(any::<(u32, u32)>());
    let fastopen = prop::option::of((0_usize..8, any::<[u8; 16]>(), any::<bool>()));
    let sack = prop::collection::vec(any_block(), 0..4);
    (syn_only, stamps, sack, fastopen).prop_map(move |(syn_only, stamps, sack, fastopen)| {
        let (mss, window_scale, sack_permitted) = if syn { syn_only } else { (None, None, false) };
        let timestamps = stamps.map(|(value, echo)| Timestamps { value, echo });
        let fastopen = fastopen.filter(|_| syn).and_then(|(half, octets, experimental)| {
            let len = if half == 0 { 0 } else { 2 * half + 2 };
            FastOpen::new(&octets[..len], experimental)
        });
        // A SYN has no room for more than one block beside everything else but Fast Open, and no use for any.
        let blocks = if fastopen.is_some() {
            0
        } else if syn {
            1
        } else {
            3
        };
        let sack = sack.into_iter().take(blocks).collect();
        Options { mss, window_scale, sack_permitted, timestamps, sack, fastopen }
    })
}

/// RFC 7413 section 4.1.1 and Linux's place and padding: last, filled up with NOPs.
#[test]
fn fast_open_stands_last_in_either_form() {
    let area = |cookie: &[u8], experimental| {
        let options = Options {
            mss: Some(1460),
            fastopen: Some(FastOpen::new(cookie, experimental).expect("a cookie")),
            ..Options::default()
        };
        written(&Header { flags: Flags::SYN, options, ..Header::default() })[HEADER_LEN + 4..].to_vec()
    };
    assert_eq!(area(&[], false), [34, 2, 1, 1]);
    assert_eq!(area(&[1, 2, 3, 4, 5, 6, 7, 8], false), [34, 10, 1, 2, 3, 4, 5, 6, 7, 8, 1, 1]);
    assert_eq!(area(&[1, 2, 3, 4, 5, 6], false), [34, 8, 1, 2, 3, 4, 5, 6]);
    assert_eq!(area(&[], true), [254, 4, 0xf9, 0x89]);
    assert_eq!(area(&[1, 2, 3, 4], true), [254, 8, 0xf9, 0x89, 1, 2, 3, 4]);
}

/// Everything that Linux puts in a SYN and the longest cookie fill the 40 octets.
#[test]
fn the_longest_cookie_fits_beside_everything_else() {
    let options = Options {
        mss: Some(1460),
        window_scale: Some(10),
        sack_permitted: true,
        timestamps: stamps(),
        fastopen: FastOpen::new(&[7; 16], true),
        ..Options::default()
    };
    assert_eq!(options.len(), OPTIONS_LEN_MAX);
    let header = Header { flags: Flags::SYN, options, ..Header::default() };
    assert_eq!(parse(&written(&header)).expect("good").2, header);
}

#[test]
fn fast_open_is_read_as_linux_reads_it() {
    let cookie = [34, 6, 1, 2, 3, 4];
    let read = |area: &[&[u8]]| options_of(&area.concat()).fastopen;
    assert_eq!(read(&[&[34, 2]]), FastOpen::new(&[], false));
    assert_eq!(read(&[&cookie]), FastOpen::new(&[1, 2, 3, 4], false));
    assert_eq!(read(&[&[254, 6, 0xf9, 0x89, 1, 2]]), None, "two octets are no cookie");
    assert_eq!(read(&[&[254, 4, 0xf9, 0x88]]), None, "another experiment");
    assert_eq!(read(&[&[254, 3, 0xf9]]), None);
    assert_eq!(
        read(&[&cookie, &[34, 7, 1, 2, 3, 4, 5]]),
        FastOpen::new(&[1, 2, 3, 4], false),
        "odd: skipped"
    );
    assert_eq!(read(&[&cookie, &[34, 4, 9, 9]]), None, "too short: takes the other back");
    assert_eq!(read(&[&[34, 20], &[0; 18]]), None, "too long");
    assert_eq!(Options::parse(&cookie, false).fastopen, None, "only in a SYN");
}

#[test]
fn a_cookie_is_shown_by_nothing() {
    let shown = format!("{:?}", FastOpen::new(&[0xab; 8], false));
    assert!(shown.contains("8 octets") && !shown.contains("171") && !shown.contains("ab"), "{shown}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn emit_and_parse_are_inverse(
        header in any::<(u32, u32, u8, u16, u16)>().prop_flat_map(|(seq, ack, flags, window, urgent)| {
            any_options(Flags(flags).syn()).prop_map(move |options| Header {
                seq: Seq(seq),
                ack: Seq(ack),
                flags: Flags(flags),
                window,
                urgent,
                options,
            })
        }),
    ) {
        let octets = written(&header);
        prop_assert_eq!(parse(&octets), Ok((80, 4242, header, octets.len())));
    }

    #[test]
    fn what_was_read_can_be_written_and_read_again(
        flags: u8,
        pieces in prop::collection::vec(any_option(), 0..8),
    ) {
        let mut area: Vec<u8> = pieces.concat();
        area.resize(area.len().next_multiple_of(4).min(OPTIONS_LEN_MAX), 0);
        let mut octets = vec![0; HEADER_LEN];
        octets[12] = (((HEADER_LEN + area.len()) / 4) << 4) as u8;
        octets[13] = flags;
        octets.extend(area);
        let (_, _, header, _) = parse(&octets).expect("a good length");
        let again = written(&header);
        prop_assert_eq!(parse(&again).map(|(_, _, header, _)| header), Ok(header));
    }

    #[test]
    fn any_octets_are_read_or_refused(data in prop::collection::vec(any::<u8>(), 0..80)) {
        if let Ok((_, _, _, len)) = parse(&data) {
            prop_assert!((HEADER_LEN..=data.len()).contains(&len));
        }
    }
}

/// Octets that look like an option, mostly of a length that fits its kind.
fn any_option() -> impl Strategy<Value = Vec<u8>> {
    let sizes = prop::sample::select(vec![
        (1_u8, 0_usize),
        (2, 4),
        (3, 3),
        (4, 2),
        (5, 10),
        (5, 18),
        (5, 34),
        (8, 10),
        (77, 6),
        (2, 5),
        (34, 2),
        (34, 12),
        (34, 18),
    ]);
    (sizes, prop::collection::vec(any::<u8>(), 34)).prop_map(|((kind, len), mut value)| {
        value.truncate(len.saturating_sub(2));
        if len == 0 { vec![kind] } else { [&[kind, len as u8][..], &value].concat() }
    })
}
