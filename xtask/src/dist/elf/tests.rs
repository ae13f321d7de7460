use super::*;

/// A head, and program headers of these kinds.
fn program(kinds: &[u32]) -> Vec<u8> {
    let mut octets = vec![0; 0x40];
    octets[..6].copy_from_slice(b"\x7fELF\x02\x01");
    octets[0x20] = 0x40;
    octets[0x36] = 0x38;
    octets[0x38] = kinds.len() as u8;
    for kind in kinds {
        octets.extend(kind.to_le_bytes());
        octets.extend([0; 0x34]);
    }
    octets
}

#[test]
fn a_program_with_an_interpreter_is_not_static() {
    assert!(is_static(&program(&[1, 2, 6])));
    assert!(!is_static(&program(&[6, 3, 1])));
    assert!(!is_static(&program(&[])));
    assert!(!is_static(&program(&[1, 2])[..0x50]), "cut short");
    assert!(!is_static(b"#!/bin/sh\n"));
    // This test itself is built for glibc's linker.
    let own = std::fs::read(std::env::current_exe().unwrap()).unwrap();
    assert_eq!(is_static(&own), cfg!(target_feature = "crt-static"));
}
