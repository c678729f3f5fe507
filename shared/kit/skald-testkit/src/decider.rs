//! Given, when, then: the rules of a decider as sentences.

use std::fmt::Debug;

use skald::decider::Decider;

/// Anything that converts to a list of events: an array `[a.into(), b.into()]` or a reference to
/// one, a `Vec`, a slice, or a single event. `[]` is the empty list.
///
/// # Examples
///
/// ```
/// use skald_testkit::Events;
/// use skald_testkit::sample::{AccountEvent, Deposited, Withdrawn};
///
/// fn count(events: impl Events<AccountEvent>) -> usize {
///     events.into_events().len()
/// }
///
/// let deposited = AccountEvent::from(Deposited { amount: 5 });
/// assert_eq!(count(deposited.clone()), 1);
/// assert_eq!(count([deposited, Withdrawn { amount: 4 }.into()]), 2);
/// assert_eq!(count([]), 0);
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a list of `{E}`",
    note = "write `[payload.into(), …]`; `.into()` converts a payload to its event"
)]
pub trait Events<E> {
    /// The events, in order.
    fn into_events(self) -> Vec<E>;
}

impl<E> Events<E> for E {
    fn into_events(self) -> Vec<E> {
        vec![self]
    }
}

impl<E> Events<E> for Vec<E> {
    fn into_events(self) -> Vec<E> {
        self
    }
}

impl<E, const N: usize> Events<E> for [E; N] {
    fn into_events(self) -> Vec<E> {
        self.into()
    }
}

impl<E: Clone, const N: usize> Events<E> for &[E; N] {
    fn into_events(self) -> Vec<E> {
        self.to_vec()
    }
}

impl<E: Clone> Events<E> for &[E] {
    fn into_events(self) -> Vec<E> {
        self.to_vec()
    }
}

impl<E: Clone> Events<E> for &Vec<E> {
    fn into_events(self) -> Vec<E> {
        self.clone()
    }
}

/// Starts a test of a decider whose stream has these events, in this order.
///
/// # Examples
///
/// ```
/// use skald_testkit::given;
/// # use serde::{Deserialize, Serialize};
/// # #[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
/// # pub struct Lent { to: String }
/// # #[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
/// # pub struct Returned {}
/// # skald::domain_event! {
/// #     pub enum BookEvent {
/// #         Lent(Lent) = "book.lent" @ 1,
/// #         Returned(Returned) = "book.returned" @ 1,
/// #     }
/// # }
/// # pub enum BookCommand { Lend(&'static str), Return }
/// # #[derive(Debug, PartialEq, thiserror::Error)]
/// # #[error("another reader has the book")]
/// # pub struct IsLent;
/// # struct Book;
/// # impl skald::decider::Decider for Book {
/// #     const CATEGORY: &'static str = "book";
/// #     type State = Option<String>;
/// #     type Command = BookCommand;
/// #     type Event = BookEvent;
/// #     type Rejection = IsLent;
/// #     fn decide(reader: &Self::State, command: &BookCommand) -> Result<Vec<BookEvent>, IsLent> {
/// #         match (reader.as_deref(), command) {
/// #             (None, BookCommand::Lend(to)) => Ok(vec![lent(to)]),
/// #             (Some(reader), BookCommand::Lend(to)) if reader != *to => Err(IsLent),
/// #             (Some(_), BookCommand::Return) => Ok(vec![Returned {}.into()]),
/// #             _ => Ok(vec![]),
/// #         }
/// #     }
/// #     fn evolve(_: Self::State, event: &BookEvent) -> Self::State {
/// #         match event {
/// #             BookEvent::Lent(lent) => Some(lent.to.clone()),
/// #             BookEvent::Returned(_) => None,
/// #         }
/// #     }
/// # }
/// # fn lent(to: &str) -> BookEvent { Lent { to: to.to_owned() }.into() }
///
/// given::<Book>([]).when(BookCommand::Lend("ann")).then([lent("ann")]);
/// given::<Book>([lent("ann"), Returned {}.into()]).when(BookCommand::Return).then_nothing();
/// given::<Book>(lent("ann")).when(BookCommand::Lend("bob")).then_rejected(IsLent);
/// ```
pub fn given<D: Decider>(events: impl Events<D::Event>) -> Given<D> {
    Given { past: events.into_events() }
}

/// A decider with past events; see [`given`].
pub struct Given<D: Decider> {
    past: Vec<D::Event>,
}

impl<D: Decider> Given<D>
where
    D::Event: Debug + PartialEq,
    D::Rejection: Debug + PartialEq,
{
    /// Handles this command.
    #[must_use = "a test without `then` tests nothing"]
    pub fn when(self, command: impl Into<D::Command>) -> When<D> {
        let state = self.past.iter().fold(D::State::default(), D::evolve);
        When { decided: D::decide(&state, &command.into()), past: self.past }
    }
}

/// The result of a command; see [`given`].
pub struct When<D: Decider> {
    past: Vec<D::Event>,
    decided: Result<Vec<D::Event>, D::Rejection>,
}

impl<D: Decider> When<D>
where
    D::Event: Debug + PartialEq,
    D::Rejection: Debug + PartialEq,
{
    /// Asserts that the command produced exactly these events, in this order.
    ///
    /// # Panics
    /// If the command produced anything else.
    #[track_caller]
    pub fn then(self, expected: impl Events<D::Event>) {
        self.expect(&Ok(expected.into_events()));
    }

    /// Asserts that the command produced no events: the state is already what the command asks for.
    ///
    /// # Panics
    /// If the command produced events or was rejected.
    #[track_caller]
    pub fn then_nothing(self) {
        self.expect(&Ok(Vec::new()));
    }

    /// Asserts that the command was rejected for this reason.
    ///
    /// # Panics
    /// If the command was accepted, or rejected for another reason.
    #[track_caller]
    pub fn then_rejected(self, expected: D::Rejection) {
        self.expect(&Err(expected));
    }

    #[track_caller]
    fn expect(self, expected: &Result<Vec<D::Event>, D::Rejection>) {
        assert!(
            self.decided == *expected,
            "given {}\nthen  {}\nbut   {}",
            Listed(&self.past),
            described(expected),
            described(&self.decided),
        );
    }
}

fn described<E: Debug, R: Debug>(decided: &Result<Vec<E>, R>) -> String {
    match decided {
        Ok(events) => Listed(events).to_string(),
        Err(rejection) => format!("rejected: {rejection:?}"),
    }
}

/// Shows events, one per line, or "nothing".
struct Listed<'a, E>(&'a [E]);

impl<E: Debug> std::fmt::Display for Listed<'_, E> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for (index, event) in self.0.iter().enumerate() {
            let indent = if index == 0 { "" } else { "\n      " };
            write!(f, "{indent}{event:?}")?;
        }
        if self.0.is_empty() { f.write_str("nothing") } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use super::given;
    use crate::sample::{Account, AccountCommand, AccountRejection, Deposited, Noted, Withdrawn};

    #[test]
    fn events_convert_from_arrays_vectors_slices_and_single_events() {
        let payload = Deposited { amount: 5 };
        let event = crate::sample::AccountEvent::from(payload.clone());
        let list = vec![event.clone()];
        given::<Account>([]).when(AccountCommand::Deposit(5)).then([payload.into()]);
        given::<Account>(&list).when(AccountCommand::Deposit(5)).then(&list);
        given::<Account>(list.as_slice()).when(AccountCommand::Deposit(5)).then([event.clone()]);
        given::<Account>(event.clone()).when(AccountCommand::Deposit(5)).then(event);
        given::<Account>(list).when(AccountCommand::Deposit(0)).then_nothing();
    }

    #[test]
    fn the_past_events_decide_the_result() {
        let past = [
            Deposited { amount: 5 }.into(),
            Withdrawn { amount: 2 }.into(),
            Noted { text: "n".into() }.into(),
        ];
        let requested = 4;
        given::<Account>(&past)
            .when(AccountCommand::Withdraw(requested))
            .then_rejected(AccountRejection::Overdrawn { balance: 3, requested });
        given::<Account>(&past)
            .when(AccountCommand::Withdraw(3))
            .then([Withdrawn { amount: 3 }.into()]);
    }

    #[test]
    #[should_panic(
        expected = "given Deposited(Deposited { amount: 5 })\nthen  nothing\nbut   Withdrawn"
    )]
    fn an_event_where_none_was_expected_fails() {
        given::<Account>([Deposited { amount: 5 }.into()])
            .when(AccountCommand::Withdraw(3))
            .then_nothing();
    }

    #[test]
    #[should_panic(expected = "given nothing\nthen  Deposited(Deposited { amount: 6 })\n\
                    but   Deposited(Deposited { amount: 5 })")]
    fn another_event_fails() {
        given::<Account>([])
            .when(AccountCommand::Deposit(5))
            .then([Deposited { amount: 6 }.into()]);
    }

    #[test]
    #[should_panic(expected = "then  Deposited(Deposited { amount: 5 })\n      \
                    Deposited(Deposited { amount: 5 })\nbut")]
    fn fewer_events_fail() {
        let event = Deposited { amount: 5 };
        given::<Account>([])
            .when(AccountCommand::Deposit(5))
            .then([event.clone().into(), event.into()]);
    }

    #[test]
    #[should_panic(expected = "but   rejected: Overdrawn { balance: 0, requested: 1 }")]
    fn a_rejection_where_none_was_expected_fails() {
        given::<Account>([]).when(AccountCommand::Withdraw(1)).then_nothing();
    }

    #[test]
    #[should_panic(expected = "then  rejected: Overdrawn { balance: 1, requested: 1 }")]
    fn another_rejection_fails() {
        let rejection = AccountRejection::Overdrawn { balance: 1, requested: 1 };
        given::<Account>([]).when(AccountCommand::Withdraw(1)).then_rejected(rejection);
    }

    #[test]
    #[should_panic(expected = "but   Deposited")]
    fn no_rejection_where_one_was_expected_fails() {
        let rejection = AccountRejection::Overdrawn { balance: 1, requested: 1 };
        given::<Account>([]).when(AccountCommand::Deposit(1)).then_rejected(rejection);
    }
}
