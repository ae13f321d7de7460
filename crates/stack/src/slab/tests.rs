use super::*;

#[test]
fn keeps_slots_and_reuses_freed_ones() {
    let mut slab = Slab::new();
    let slots: Vec<u32> = (0..1000u32).map(|n| slab.insert(n)).collect();
    assert_eq!(slots, (0..1000).collect::<Vec<_>>());
    assert_eq!(slab.remove(300), Some(300));
    assert_eq!(slab.remove(300), None);
    assert_eq!(slab.get(301), Some(&301));
    let again = slab.insert(7);
    assert!(again == 300 || again == 1000);
    assert_eq!(slab.len(), 1000);
}

#[test]
fn next_used_walks_in_bounded_steps() {
    let mut slab = Slab::new();
    for n in 0..2000u32 {
        slab.insert(n);
    }
    for n in 0..1999 {
        slab.remove(n);
    }
    assert_eq!(slab.next_used(0, 2), Err(512));
    assert_eq!(slab.next_used(0, 100), Ok(Some(1999)));
    assert_eq!(slab.next_used(2000, 100), Ok(None));
    assert_eq!(slab.slots(), vec![1999]);
}
