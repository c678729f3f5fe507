//! The README's commands do what it says when they are pasted.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

use system_tests::{LocalCloud, eventually};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn readme() -> String {
    std::fs::read_to_string(root().join("README.md")).expect("the README can be read")
}

/// The two blocks of shell lines below the mark that says they are tested. What the first one sets,
/// the second one uses.
fn pasted_lines() -> [String; 2] {
    let readme = readme();
    let (_, marked) = readme
        .split_once("<!-- tested: tests/tests/readme.rs")
        .expect("the README marks what is tested");
    let mut blocks = marked
        .split("```sh\n")
        .skip(1)
        .map(|block| block.split("```").next().expect("the block ends"));
    let mut next = || blocks.next().expect("a block of shell lines follows the mark");
    let (first, second) = (next(), next());
    let api = first.lines().next().expect("the API's address");
    [first.to_owned(), format!("{api}\n{second}")]
}

/// What a shell in a checkout prints to these lines.
fn paste(folder: &Path, lines: &str) -> String {
    let output = Command::new("bash")
        .args(["-e", "-c", lines])
        .current_dir(folder)
        .output()
        .expect("bash runs");
    let (stdout, stderr) =
        (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{stdout}\n{stderr}");
    stdout.into_owned()
}

/// The statuses of the answers that were printed with their headers. Bodies do not end their lines.
fn statuses(printed: &str) -> Vec<&str> {
    printed
        .split("HTTP/1.1 ")
        .skip(1)
        .filter_map(|answer| answer.split_whitespace().next())
        .collect()
}

#[tokio::test]
async fn the_curl_lines_work_when_pasted_and_again() {
    let cloud = LocalCloud::start(&[]);
    // A checkout as `make run` leaves it: with the API's address in the place that the lines read
    // it from.
    let folder = root().join(format!("target/readme-{}", std::process::id()));
    std::fs::create_dir_all(folder.join("target/local")).expect("target/ can be written");
    std::fs::write(folder.join("target/local/api-url"), cloud.api().url())
        .expect("target/ can be written");

    let [lines, erase] = pasted_lines();
    let first = paste(&folder, &lines);
    assert_eq!(statuses(&first), ["201", "201", "201", "202"], "{first}");
    let listed = eventually("the order confirmed and its goods gone", || async {
        let printed = paste(&folder, &lines);
        (printed.contains("\"status\":\"confirmed\"") && printed.contains("\"on_hand\":49"))
            .then_some(printed)
    });
    let again = listed.await;
    assert_eq!(statuses(&again), ["200", "201", "200", "202"], "{again}");
    assert_eq!(
        again.matches("idempotent-replayed: true").count(),
        2,
        "the delivery and the order: {again}"
    );
    let erased = paste(&folder, &erase);
    assert_eq!(statuses(&erased), ["204"], "{erased}");
    assert!(
        erased.contains("\"customer_name\":null") && erased.contains("\"status\":\"confirmed\""),
        "{erased}"
    );
    std::fs::remove_dir_all(folder).expect("the folder can be removed");
}

#[test]
fn every_goal_of_make_that_is_named_is_one() {
    let readme = readme();
    let code = readme.split('`').chain(readme.lines());
    let goals = code
        .filter_map(|text| text.strip_prefix("make "))
        .filter_map(|rest| rest.split_whitespace().next());
    let goals: BTreeSet<&str> = goals.collect();
    assert!(goals.len() >= 4, "{goals:?}");
    for goal in goals {
        let output = Command::new("make")
            .args(["--dry-run", "--directory", "..", goal])
            .current_dir(env!("CARGO_MANIFEST_DIR"))
            .env_remove("MAKEFLAGS")
            .output()
            .expect("make runs");
        assert!(
            output.status.success(),
            "make {goal}: {}",
            String::from_utf8_lossy(&output.stderr)
        );
    }
}
