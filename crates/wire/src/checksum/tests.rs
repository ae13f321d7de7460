use super::*;
use proptest::prelude::*;

/// RFC 1071 section 3: the sum of 00 01 f2 03 f4 f5 f6 f7 is ddf2.
#[test]
fn the_example_of_rfc_1071() {
    let data = [0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7];
    assert_eq!(sum_scalar(&data), 0xddf2);
    assert_eq!(sum(&data), 0xddf2);
    let mut whole = Sum::new();
    whole.add(&data);
    assert_eq!(whole.checksum(), 0x220d);
}

#[test]
fn only_zeros_sum_to_zero() {
    assert_eq!(sum(&[]), 0);
    assert_eq!(sum(&[0; 1000]), 0);
    assert_eq!(sum(&[0xff; 1000]), 0xffff);
    assert_eq!(sum_scalar(&[0xff; 1000]), 0xffff);
}

#[test]
fn a_whole_super_segment_of_ones_does_not_overflow() {
    let data = vec![0xff; 65_536];
    assert_eq!(sum(&data), sum_scalar(&data));
}

#[test]
fn a_long_length_reaches_the_pseudo_header_of_ipv6() {
    let any = IpAddr::from([0_u16; 8]);
    let sum = pseudo_header(any, any, Protocol::TCP, 0x0001_0002);
    assert_eq!(sum.fold(), 6 + 1 + 2);
}

#[test]
fn every_length_around_the_block_agrees() {
    let data: Vec<u8> = (0..4096_u32).map(|at| ((at * 37) >> 3) as u8).collect();
    for len in (0..300).chain([1460, 4095, 4096]) {
        assert_eq!(sum(&data[..len]), sum_scalar(&data[..len]), "{len} octets");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn wide_and_scalar_agree(data in prop::collection::vec(any::<u8>(), 0..3000), skip in 0_usize..8) {
        let data = &data[skip.min(data.len())..];
        prop_assert_eq!(sum(data), sum_scalar(data));
    }

    #[test]
    fn chunks_of_any_length_sum_like_one(data in prop::collection::vec(any::<u8>(), 0..600), cuts in prop::collection::vec(0_usize..600, 0..6)) {
        let mut cuts: Vec<usize> = cuts.into_iter().map(|cut| cut.min(data.len())).chain([0, data.len()]).collect();
        cuts.sort_unstable();
        let mut sum = Sum::new();
        cuts.windows(2).for_each(|pair| sum.add(&data[pair[0]..pair[1]]));
        prop_assert_eq!(sum.fold(), sum_scalar(&data));
    }

    #[test]
    fn data_with_its_checksum_sums_to_ones(mut data in prop::collection::vec(any::<u8>(), 2..600)) {
        data[0..2].fill(0);
        let checksum = !sum(&data);
        data[0..2].copy_from_slice(&checksum.to_be_bytes());

        prop_assert_eq!(sum(&data), 0xffff);
    }
}
