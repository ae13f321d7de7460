use super::*;

/// (packet, charge) at both sides of each step, as SO_MEMINFO told them (Linux 6.18, TUN).
const MEASURED: [(u32, u32); 18] = [
    (41, 832),
    (192, 832),
    (193, 1280),
    (640, 1280),
    (641, 2304),
    (1500, 2304),
    (1664, 2304),
    (1665, 4352),
    (3712, 4352),
    (3713, 8448),
    (7808, 8448),
    (7809, 12_544),
    (11_904, 12_544),
    (11_905, 16_640),
    (20_040, 20_736),
    (60_040, 61_696),
    (65_040, 65_792),
    (65_440, 69_888),
];

#[test]
fn packets_cost_what_the_kernel_charges() {
    for (packet, charge) in MEASURED {
        assert_eq!(of_packet(packet), charge, "{packet}");
    }
}

#[test]
fn room_behind_a_packet_ends_where_it_would_cost_more() {
    for packet in [41, 192, 193, 1040, 1664, 3712, 3840, 7808] {
        let room = room_behind(packet);
        assert_eq!(of_packet(packet + room), of_packet(packet), "{packet}");
        assert!(of_packet(packet + room + 1) > of_packet(packet), "{packet}");
    }
    assert_eq!(room_behind(9040), 0, "octets in pages of their own");
}

#[test]
fn what_is_copied_together_costs_a_page_and_its_description() {
    assert_eq!(of_collapsed(COLLAPSED), (4352, 0));
    assert_eq!(of_collapsed(574), (1280, 130));
    assert_eq!(of_collapsed(100), (832, 156));
}

#[test]
fn no_length_overflows() {
    assert!(of_packet(u32::MAX) > 0);
    assert_eq!(room_behind(u32::MAX), 0);
}
