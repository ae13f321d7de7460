use super::table;

#[test]
fn the_table_ends_with_its_sum() {
    let stdout = "\nrunning 1 test\nscript       sim     interface\nclose/a.pkt  ok      ok\n\
                  close/b.pkt  ok      -  not known to the adapter: poll()\n\
                  2 scripts: 2 pass in sim, 1 run through the interface, 1 cannot\n.\ntest result: ok. 1 passed\n";
    let rows = table(stdout);
    assert_eq!(rows.len(), 4);
    assert_eq!(rows[3], "2 scripts: 2 pass in sim, 1 run through the interface, 1 cannot");
    assert_eq!(table("nothing ran"), Vec::<&str>::new());
}
