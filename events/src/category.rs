//! The list of categories.

use skald::event::DomainEvent;
use skald::stream::Category;

/// The events of one category: the first word of their types and of their streams' names.
pub trait CategoryEvent: DomainEvent {
    /// The category, such as `order`.
    const CATEGORY: &'static Category;
}

/// Evaluates an expression once for each category, with a type parameter that stands for the
/// category's events, a [`CategoryEvent`].
///
/// This is the only list of categories. To add a category, add its line here. All code that runs
/// for each category then includes it, or fails to compile until the category has what that code
/// needs.
///
/// ```
/// use events::CategoryEvent;
///
/// let mut types = 0;
/// events::for_each_category!(|E| types += E::TYPES.len());
/// assert!(types > events::categories().len());
/// # use skald::event::DomainEvent;
/// ```
#[macro_export]
macro_rules! for_each_category {
    (|$Event:ident| $body:expr) => {
        $crate::for_each_category! {
            @list |$Event| $body;
            CustomerEvent
            OrderEvent
            PaymentEvent
            ProductEvent
            ReceiptEvent
            ReservationEvent
            ShipmentEvent
            StockEvent
        }
    };
    (@list |$Event:ident| $body:expr; $($category:ident)+) => { $({
        type $Event = $crate::$category;
        $body;
    })+ };
}

/// The names of all categories, in alphabetical order.
#[must_use]
pub fn categories() -> Vec<&'static Category> {
    let mut categories = Vec::new();
    for_each_category!(|E| categories.push(E::CATEGORY));
    categories
}
