//! The commands in the README work as documented when they are pasted into a shell.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

use system_tests::eventually;

use crate::SHARED;

/// Marks the block of shell lines and the table in the README that this file tests.
const MARK: &str = "<!-- tested: tests/tests/system/readme.rs";

/// Makes `curl` print headers, which include the status of each answer.
const SHOW_STATUS: &str = "curl() { command curl --silent --show-error --include \"$@\"; }";

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// The text of the README after the mark.
fn marked() -> String {
    let readme = std::fs::read_to_string(root().join("README.md")).expect("the README can be read");
    readme.split_once(MARK).expect("the README has the mark").1.to_owned()
}

/// The first block of shell lines below the mark: it places an order.
fn shell_lines() -> String {
    let marked = marked();
    let (_, block) = marked.split_once("```sh\n").expect("shell lines follow the mark");
    block.split("```").next().expect("the block ends").to_owned()
}

/// A row of the table of calls.
struct Call {
    route: String,
    statuses: BTreeSet<String>,
    /// `None` if the example is in the shell lines above the table.
    example: Option<String>,
}

/// The rows of the table of calls.
fn calls() -> Vec<Call> {
    let code = |cell: &str| Some(cell.strip_prefix('`')?.strip_suffix('`')?.to_owned());
    let marked = marked();
    let rows = marked.lines().skip_while(|line| !line.starts_with("| call |")).skip(2);
    rows.take_while(|line| line.starts_with('|'))
        .map(|line| {
            let cells: Vec<&str> = line.trim_matches('|').split('|').map(str::trim).collect();
            let [route, _, statuses, example] = cells[..] else { panic!("not four cells: {line}") };
            let example = code(example);
            assert!(example.is_some() || line.ends_with("| above |"), "no example: {line}");
            let route = code(route).unwrap_or_else(|| panic!("no route: {line}"));
            Call { route, statuses: statuses.split(", ").map(str::to_owned).collect(), example }
        })
        .collect()
}

/// Runs these lines in a shell in a checkout, and returns their output.
fn paste(folder: &Path, lines: &str) -> String {
    let output = Command::new("bash")
        .args(["-e", "-c", &format!("{SHOW_STATUS}\n{lines}")])
        .current_dir(folder)
        .output()
        .expect("bash runs");
    let (stdout, stderr) =
        (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{lines}\n{stdout}\n{stderr}");
    stdout.into_owned()
}

/// The statuses of the answers. A body does not end with a line feed, so a status may follow it on
/// the same line.
fn statuses(printed: &str) -> Vec<&str> {
    printed
        .split("HTTP/1.1 ")
        .skip(1)
        .filter_map(|answer| answer.split_whitespace().next())
        .collect()
}

#[tokio::test]
async fn the_shell_lines_and_all_examples_work_when_pasted() {
    let cloud = SHARED.get().await;
    // Like `make run`, write the API's address to the file that the lines read it from.
    let folder = root().join(format!("target/readme-{}", std::process::id()));
    std::fs::create_dir_all(folder.join("target/local")).expect("target/ can be written");
    std::fs::write(folder.join("target/local/api-url"), cloud.api().url())
        .expect("target/ can be written");

    let lines = shell_lines();
    let first = paste(&folder, &lines);
    assert_eq!(statuses(&first), ["201", "201", "201", "202"], "{first}");
    let lines_and_reads = format!("{lines}\ncurl $API/orders/$ORDER\ncurl $API/stock/TEE-07");
    let confirmed = eventually("the order is confirmed and its goods are held", || async {
        let printed = paste(&folder, &lines_and_reads);
        (printed.contains("\"status\":\"confirmed\"") && printed.contains("\"reserved\":1"))
            .then_some(printed)
    });
    let again = confirmed.await;
    assert_eq!(statuses(&again)[..4], ["200", "201", "200", "202"], "{again}");
    let replays = again.matches("idempotent-replayed: true").count();
    assert_eq!(replays, 2, "the receipt and the order are replays: {again}");

    for Call { route, statuses: documented, example } in calls() {
        let Some(example) = example else { continue };
        let printed = paste(&folder, &format!("{lines}\n{example}"));
        let status = statuses(&printed)[4].to_owned();
        assert!(documented.contains(&status), "{route} answered {status}: {printed}");
        if route == "DELETE /customers/{id}" {
            break;
        }
    }
    let after_erasure = paste(
        &folder,
        "API=$(cat target/local/api-url)\ncurl $API/customers/c-1002/orders\ncurl $API/health",
    );
    assert_eq!(statuses(&after_erasure), ["200", "200"], "{after_erasure}");
    assert!(
        after_erasure.contains("\"customer_name\":null")
            && after_erasure.contains("\"status\":\"delivered\""),
        "the order shows no person and is otherwise unchanged: {after_erasure}"
    );
    std::fs::remove_dir_all(folder).expect("the folder can be removed");
}

#[test]
fn the_table_has_every_route_of_the_template() {
    let template = std::fs::read_to_string(root().join("infra/template.yaml"))
        .expect("the template can be read");
    let is_route = |text: &&str| {
        let method = text.split(" /").next().filter(|_| text.contains(" /"));
        method.is_some_and(|method| ["DELETE", "GET", "PATCH", "POST", "PUT"].contains(&method))
    };
    let deployed: BTreeSet<&str> = template.split('"').filter(is_route).collect();
    let calls = calls();
    let documented: BTreeSet<&str> = calls.iter().map(|call| call.route.as_str()).collect();
    assert!(!deployed.is_empty(), "the template has no routes");
    assert_eq!(documented, deployed);
}
