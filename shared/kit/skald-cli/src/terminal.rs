//! Standard output and standard error. Colours are used only on a terminal that supports them.

use std::fs::File;
use std::io::{ErrorKind, IsTerminal, Write, stderr, stdout};
use std::os::fd::AsFd;
use std::os::unix::fs::FileTypeExt;

use tokio::io::Interest;
use tokio::net::unix::pipe::Sender;

/// Standard output.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Terminal {
    colours: bool,
}

impl Terminal {
    /// Uses colours if standard output is a terminal and neither `NO_COLOR` nor `TERM` forbids
    /// them.
    #[expect(
        clippy::disallowed_methods,
        reason = "the other modules take these variables from here"
    )]
    pub(crate) fn new() -> Self {
        let is_dumb = std::env::var_os("TERM").is_some_and(|term| term == "dumb");
        let unwanted = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        Self { colours: stdout().is_terminal() && !is_dumb && !unwanted }
    }

    /// Without colours, as for a file.
    #[cfg(test)]
    pub(crate) fn plain() -> Self {
        Self { colours: false }
    }

    /// With colours, as on a terminal.
    #[cfg(test)]
    pub(crate) fn coloured() -> Self {
        Self { colours: true }
    }

    pub(crate) fn faint(self, text: &str) -> String {
        self.styled("2", text)
    }

    pub(crate) fn cyan(self, text: &str) -> String {
        self.styled("36", text)
    }

    pub(crate) fn green(self, text: &str) -> String {
        self.styled("32", text)
    }

    pub(crate) fn yellow(self, text: &str) -> String {
        self.styled("33", text)
    }

    pub(crate) fn red(self, text: &str) -> String {
        self.styled("31", text)
    }

    fn styled(self, style: &str, text: &str) -> String {
        if self.colours { format!("\x1b[{style}m{text}\x1b[0m") } else { text.to_owned() }
    }
}

/// An error of writing to standard output.
#[derive(Debug, thiserror::Error)]
pub enum OutputError {
    /// Standard output is a pipe whose reader has closed it. The command then ends without an
    /// error.
    #[error("standard output is closed")]
    Closed,
    /// Any other error.
    #[error("cannot write to standard output: {0}")]
    Failed(std::io::Error),
}

/// Writes and flushes this text.
///
/// # Errors
/// [`OutputError`]
pub fn write(text: &str) -> Result<(), OutputError> {
    let mut out = stdout().lock();
    let written = out.write_all(text.as_bytes()).and_then(|()| out.flush());
    written.map_err(|error| {
        if error.kind() == ErrorKind::BrokenPipe {
            OutputError::Closed
        } else {
            OutputError::Failed(error)
        }
    })
}

/// Waits until the reader of standard output closes it. A command without output would not notice
/// otherwise. Waits forever if standard output is not a pipe.
pub(crate) async fn closed() {
    if let Some(pipe) = pipe()
        && pipe.ready(Interest::ERROR).await.is_ok()
    {
        return;
    }
    std::future::pending().await
}

/// Standard output as a pipe to watch, if it is one.
fn pipe() -> Option<Sender> {
    let out = File::from(stdout().as_fd().try_clone_to_owned().ok()?);
    let is_pipe = out.metadata().is_ok_and(|out| out.file_type().is_fifo());
    // The code that writes to standard output expects blocking writes, so the pipe stays in
    // blocking mode.
    is_pipe.then(|| Sender::from_file_unchecked(out).ok()).flatten()
}

/// Prints an error to standard error.
pub(crate) fn error(error: &str) {
    note(&format!("error: {error}"));
}

/// Prints a note to standard error. A failure to print it is ignored, because no output is left to
/// report it.
pub fn note(text: &str) {
    writeln!(stderr(), "{text}").unwrap_or_default();
}

/// Whether progress can be shown in place.
pub(crate) fn is_watched() -> bool {
    stderr().is_terminal()
}

/// Replaces the progress shown before with this text; an empty text removes it.
pub(crate) fn in_place(text: &str) {
    write!(stderr(), "\r\x1b[K{text}").unwrap_or_default();
}
