//! A browser renders the status page, and its numbers are those of `/sockets.json`.

use super::{are_here, client, measured, text};
use crate::namespace::in_namespace;
use crate::program::{STACK, Serve};
use serde_json::Value;
use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::time::Duration;

const LIMIT: Duration = Duration::from_secs(120);
/// Connections that are there all the while, and are not the browser's.
const HELD: usize = 5;
/// The page comes over connections that the page shows: a look that falls between two of them is taken again.
const LOOKS: usize = 5;

/// What the page, or the JSON, says without the connections that ask for it.
#[derive(Debug, PartialEq)]
struct Numbers {
    census: BTreeMap<String, u64>,
    listeners: Vec<Vec<String>>,
    sockets: Vec<Vec<String>>,
}

impl Numbers {
    /// Takes who asks, on port 80, out of the sockets and out of the census.
    fn new(
        mut census: BTreeMap<String, u64>,
        listeners: Vec<Vec<String>>,
        sockets: Vec<Vec<String>>,
    ) -> Numbers {
        let (asking, mut sockets): (Vec<_>, Vec<_>) =
            sockets.into_iter().partition(|row| row[3].ends_with(":80"));
        for row in asking {
            for (state, count) in &mut census {
                *count -= u64::from(*state == row[0]);
            }
        }
        let mut listeners = listeners;
        listeners.sort();
        sockets.sort();
        Numbers { census, listeners, sockets }
    }

    fn of_page(page: &str) -> Numbers {
        let census = table(page, "census").into_iter();
        let census = census.map(|row| (row[0].clone(), row[1].parse().expect("a count"))).collect();
        let without_head = |id| table(page, id).into_iter().filter(|row| !row.is_empty()).collect();
        let sockets: Vec<Vec<String>> = without_head("sockets");
        Numbers::new(
            census,
            without_head("listeners"),
            sockets.into_iter().map(|row| row[..5].to_vec()).collect(),
        )
    }

    fn of_json(json: &str) -> Numbers {
        let report: Value = serde_json::from_str(json).expect("JSON");
        let census = report["census"].as_object().expect("an object").iter();
        let census = census.map(|(state, count)| (state.clone(), count.as_u64().expect("a count"))).collect();
        let listener = |row: &Value| {
            let local = row["flow"]["local"].as_str().expect("an address");
            vec![open_end(local), row["recv_queue"].to_string(), row["send_queue"].to_string()]
        };
        let socket = |row: &Value| {
            let text = |value: &Value| value.as_str().expect("a text").to_owned();
            vec![
                text(&row["state"]),
                row["recv_queue"].to_string(),
                row["send_queue"].to_string(),
                text(&row["flow"]["local"]),
                open_end(&text(&row["flow"]["remote"])),
            ]
        };
        let rows = |name: &str| report[name].as_array().expect("a list").clone();
        let listeners = rows("listeners").iter().map(listener).collect();
        Numbers::new(census, listeners, rows("sockets").iter().map(socket).collect())
    }
}

/// Port 0 is shown as `*`.
fn open_end(address: &str) -> String {
    address.strip_suffix(":0").map_or(address.to_owned(), |host| format!("{host}:*"))
}

/// The `td` cells of the rows of a table; a row of `th` cells is an empty row.
fn table(page: &str, id: &str) -> Vec<Vec<String>> {
    let (_, rest) = page.split_once(&format!("<table id=\"{id}\">")).expect("the page has the table");
    let (inside, _) = rest.split_once("</table>").expect("the table ends");
    let cell = |piece: &str| {
        let (_, rest) = piece.split_once('>').expect("the tag ends");
        rest.split_once("</td>").expect("the cell ends").0.to_owned()
    };
    inside.split("<tr").skip(1).map(|row| row.split("<td").skip(1).map(cell).collect()).collect()
}

fn json() -> String {
    let mut stream = TcpStream::connect((STACK, 80)).expect("serve listens");
    write!(stream, "GET /sockets.json HTTP/1.0\r\nHost: lastack\r\n\r\n").expect("connected");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("an orderly end");
    answer.split_once("\r\n\r\n").expect("a head").1.to_owned()
}

fn rendered(user_data: &Path) -> String {
    let folder = format!("--user-data-dir={}", text(user_data));
    let url = format!("http://{STACK}/");
    // The page asks for its numbers after it is loaded; virtual time waits for the answer.
    let arguments = [
        "--headless",
        "--no-sandbox",
        "--disable-gpu",
        "--disable-quic",
        "--no-first-run",
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
        "--virtual-time-budget=3000",
        &folder,
        "--dump-dom",
        &url,
    ];
    client(LIMIT, "chromium", &arguments)
}

#[test]
fn a_browser_shows_the_numbers_of_the_json() {
    const TEST: &str = "a_browser";
    if !are_here(TEST, &["chromium"]) {
        return;
    }
    in_namespace(TEST, || {
        let _serve = Serve::start(&[]);
        let held: Vec<TcpStream> =
            (0..HELD).map(|_| TcpStream::connect((STACK, 9)).expect("serve listens")).collect();
        let folder = tempfile::tempdir().expect("a temporary folder");
        for look in 1..=LOOKS {
            let drawn = rendered(&folder.path().join(look.to_string()));
            let page = Numbers::of_page(&drawn);
            let json = Numbers::of_json(&json());
            if page != json && look < LOOKS {
                continue;
            }
            assert_eq!(page, json);
            assert_eq!(page.sockets.len(), held.len(), "{page:?}");
            let said = drawn.matches("<tr title=\"The connection is open and idle").count();
            assert!(said >= HELD, "{said} of the connections are explained: {drawn}");
            measured(&format!(
                "Chromium shows {} states, {} listeners and {} sockets, equal to /sockets.json",
                page.census.len(),
                page.listeners.len(),
                page.sockets.len()
            ));
            return;
        }
    });
}
