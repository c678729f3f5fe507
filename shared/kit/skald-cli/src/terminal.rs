//! What a person reads: standard output and error, with colours only where a person sees them and
//! wants them.

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
    /// With colours if it is a terminal, and `NO_COLOR` and `TERM` do not say otherwise.
    #[expect(clippy::disallowed_methods, reason = "this is where the others get it from")]
    pub(crate) fn new() -> Self {
        let is_dumb = std::env::var_os("TERM").is_some_and(|term| term == "dumb");
        let unwanted = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        Self { colours: stdout().is_terminal() && !is_dumb && !unwanted }
    }

    /// Without colours, as into a file.
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

/// Standard output cannot be written.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Unwritten {
    /// It is a pipe, and its reader has closed it: a command ends quietly then.
    #[error("standard output is closed")]
    Closed,
    /// Anything else.
    #[error("standard output cannot be written: {0}")]
    Failed(std::io::Error),
}

/// Writes this text at once.
///
/// # Errors
/// [`Unwritten`]
pub(crate) fn write(text: &str) -> Result<(), Unwritten> {
    let mut out = stdout().lock();
    let written = out.write_all(text.as_bytes()).and_then(|()| out.flush());
    written.map_err(|error| {
        if error.kind() == ErrorKind::BrokenPipe {
            Unwritten::Closed
        } else {
            Unwritten::Failed(error)
        }
    })
}

/// Waits until the reader of standard output closes it; a command that has nothing to write would
/// not notice otherwise. Waits for ever if standard output is not a pipe.
pub(crate) async fn closed() {
    if let Some(pipe) = pipe()
        && pipe.ready(Interest::ERROR).await.is_ok()
    {
        return;
    }
    std::future::pending().await
}

/// Standard output to be watched, if it is a pipe.
fn pipe() -> Option<Sender> {
    let out = File::from(stdout().as_fd().try_clone_to_owned().ok()?);
    let is_pipe = out.metadata().is_ok_and(|out| out.file_type().is_fifo());
    // It stays blocking, as writing to it expects.
    is_pipe.then(|| Sender::from_file_unchecked(out).ok()).flatten()
}

/// Says on standard error what went wrong.
pub(crate) fn complain(error: &str) {
    note(&format!("error: {error}"));
}

/// Says something beside the output. Where nobody can read it, there is nothing to be done about
/// that.
pub(crate) fn note(text: &str) {
    writeln!(stderr(), "{text}").unwrap_or_default();
}

/// Whether progress can be shown in place.
pub(crate) fn is_watched() -> bool {
    stderr().is_terminal()
}

/// Shows this in the place of what was shown before; nothing clears the place.
pub(crate) fn in_place(text: &str) {
    write!(stderr(), "\r\x1b[K{text}").unwrap_or_default();
}
