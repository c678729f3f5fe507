//! Deployed functions: their environment variables, and the processes that run them.

use std::collections::BTreeMap;
use std::process::Command;

use aws_sdk_lambda::Client;
use aws_sdk_lambda::types::Environment;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use crate::{LocalCloud, eventually};

impl LocalCloud {
    /// Sets an environment variable of a deployed function, which then restarts.
    ///
    /// # Panics
    /// If there is no such function.
    pub async fn set_variable(&self, function: &str, name: &str, value: &str) {
        let client = Client::new(&self.aws());
        let found = client.get_function_configuration().function_name(function).send().await;
        let mut variables: BTreeMap<String, String> = found
            .expect("the function exists")
            .environment()
            .and_then(|environment| environment.variables())
            .into_iter()
            .flatten()
            .map(|(name, value)| (name.clone(), value.clone()))
            .collect();
        variables.insert(name.to_owned(), value.to_owned());
        let environment =
            Environment::builder().set_variables(Some(variables.into_iter().collect())).build();
        let update =
            client.update_function_configuration().function_name(function).environment(environment);
        update.send().await.expect("the function can be changed");
    }

    /// Kills the processes that run this function at whatever point they have reached, and waits
    /// until they are gone.
    ///
    /// # Panics
    /// If there is no such process, or it cannot be killed.
    pub async fn kill(&self, function: &str) {
        let program = self.program(function).await;
        let pids = processes(&program);
        assert!(!pids.is_empty(), "no process of {function}");
        let killed = Command::new("kill")
            .arg("-9")
            .args(pids.iter().map(u32::to_string))
            .status()
            .expect("kill runs");
        assert!(killed.success(), "processes {pids:?} of {function} cannot be killed");
        eventually("the killed processes are gone", || async {
            let left = processes(&program);
            (!left.iter().any(|pid| pids.contains(pid))).then_some(())
        })
        .await;
    }

    /// The end of the path of the program that runs this function in this cloud. It is unique to
    /// the function and the cloud, because the cloud unpacks the code into a folder that is named
    /// after the cloud's port and the hash of the code.
    async fn program(&self, function: &str) -> String {
        let client = Client::new(&self.aws());
        let found = client.get_function_configuration().function_name(function).send().await;
        let hash = found.expect("the function exists").code_sha256.expect("its code has a hash");
        let hash = STANDARD.decode(hash).expect("the hash is in base64");
        let hash: String = hash.iter().map(|byte| format!("{byte:02x}")).collect();
        let (_, port) = self.endpoint().rsplit_once(':').expect("the endpoint has a port");
        format!("/ministack-provided-code-{port}/{hash}/bootstrap")
    }
}

/// The ids of the processes that run this program.
fn processes(program: &str) -> Vec<u32> {
    let listed =
        Command::new("ps").args(["-axww", "-o", "pid=,command="]).output().expect("ps runs");
    assert!(listed.status.success(), "{}", String::from_utf8_lossy(&listed.stderr));
    let listed = String::from_utf8_lossy(&listed.stdout);
    let lines = listed.lines().filter_map(|line| line.trim_start().split_once(' '));
    lines
        .filter(|(_, command)| command.trim().ends_with(program))
        .map(|(pid, _)| pid.parse().expect("an id"))
        .collect()
}
