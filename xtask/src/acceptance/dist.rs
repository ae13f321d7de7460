//! The static program in a root folder where there is nothing but itself, /proc and /sys.

use super::{Item, Part, Said};
use crate::dist;
use crate::run::Run;
use anyhow::Result;
use std::time::Duration;

pub(super) const PART: Part = Part {
    name: "dist",
    about: "the static program, its size, and that it runs in an empty chroot",
    items: || {
        let build = || Ok(Said { passed: true, line: dist::build()?, facts: String::new() });
        vec![
            Item { name: "build".to_owned(), run: Box::new(build) },
            Item { name: "chroot".to_owned(), run: Box::new(chroot) },
        ]
    },
    conclude: None,
};

/// The place goes with the mount namespace; a listener of our own is what there is to see.
const SCRIPT: &str = r#"
set -eu
root=$(mktemp -d)
mount -t tmpfs none "$root"
mkdir "$root/proc" "$root/sys"
cp "$1" "$root/lastack"
mount -t proc none "$root/proc"
mount -t sysfs none "$root/sys"
ip link set lo up
nc -l 127.0.0.1 4711 &
until chroot "$root" /lastack ss -Hltn 2>/dev/null | grep -q ':4711 '; do sleep 0.1; done
test "$(ls "$root")" = "$(printf 'lastack\nproc\nsys')"
ran=""
for command in "states" "states --by process" "ss -tan" "ss -tanpie" "snapshot" "doctor" "selftest" "lab handshake"; do
    status=0
    chroot "$root" /lastack $command > "$root/out" 2> "$root/err" || status=$?
    # doctor: 1 tells of findings, 3 of what it could not see.
    case "$command:$status" in *:0 | doctor:1 | doctor:3) ;; *) cat "$root/err"; echo "lastack $command: exit code $status"; exit 1 ;; esac
    test -s "$root/out" || { echo "lastack $command printed nothing"; exit 1; }
    ran="$ran, $command"
    case "$command" in states | ss*) grep -q 4711 "$root/out" || { echo "lastack $command shows no listener"; exit 1; } ;; esac
    rm "$root/out" "$root/err"
done
umount -l "$root/proc" "$root/sys" "$root"
rmdir "$root"
echo "ran${ran#,}"
"#;

fn chroot() -> Result<Said> {
    let program = dist::folder()?.join("lastack").display().to_string();
    let namespaces = ["--mount", "--pid", "--net", "--fork", "--kill-child"];
    let arguments: Vec<&str> = namespaces.into_iter().chain(["sh", "-c", SCRIPT, "sh", &program]).collect();
    let ran = Run::new("unshare", &arguments, Duration::from_secs(120)).quiet()?;
    let last = ran.stdout.lines().last().unwrap_or_default().to_owned();
    let line = if ran.passed { last } else { format!("{}: {last}", ran.why) };
    Ok(Said { passed: ran.passed, line, facts: String::new() })
}
