//! The README's example is as short as the README promises. (A doctest checks that it works.)

const README: &str = include_str!("../README.md");

/// The lines of code of the example, without comments, blank lines, and the two lines that run it.
fn code() -> Vec<&'static str> {
    let (_, rest) = README.split_once("```rust\n").expect("an example");
    let (block, _) = rest.split_once("```").expect("the end of the example");
    let hidden = block.lines().filter(|line| line.starts_with("# ")).count();
    assert!(hidden <= 2, "{hidden} lines are hidden");
    let written = |line: &&str| !line.trim().is_empty() && !line.trim().starts_with("//");
    block.lines().filter(written).filter(|line| !line.starts_with("# ")).collect()
}

#[test]
fn an_aggregate_with_a_test_and_a_call_takes_at_most_fifty_lines() {
    let lines = code().len();
    assert!(lines <= 50, "the example has {lines} lines of code");
}

#[test]
fn a_call_on_one_stream_takes_at_most_five_lines_and_four_imports() {
    let code = code();
    let imports = code.iter().filter(|line| line.starts_with("use ")).count();
    assert!(imports <= 4, "{imports} imports");
    let call = code.iter().skip_while(|line| !line.starts_with("async fn")).skip(1);
    let call: Vec<_> = call.take_while(|line| line.trim() != "Ok(())").collect();
    assert!(!call.is_empty() && call.len() <= 5, "{call:#?}");
    assert!(call.iter().any(|line| line.contains(".handle::<Book>(")), "{call:#?}");
}
