//! What a person reads: standard output and error, with colours only where a person sees them and wants them.

use std::io::{IsTerminal, Write, stderr, stdout};

/// Standard output.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Paper {
    colours: bool,
}

impl Paper {
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

/// Writes these lines at once.
///
/// # Errors
/// If nobody reads them any more.
pub(crate) fn write(lines: &str) -> std::io::Result<()> {
    let mut out = stdout().lock();
    out.write_all(lines.as_bytes())?;
    out.flush()
}

/// Says on standard error what went wrong.
pub(crate) fn complain(error: &str) {
    note(&format!("error: {error}"));
}

/// Says something beside the output. Where nobody can read it, there is nothing to be done about that.
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
