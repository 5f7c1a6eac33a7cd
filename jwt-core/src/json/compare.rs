use serde_json::Number;

use super::{Unique, Value, array, object};

/// Up to here, 64-bit floating point represents every integer exactly.
const EXACT: f64 = 9_007_199_254_740_992.0;

impl Value<'_> {
    /// Whether this is the same JSON value. Numbers are compared by value, and members in any order.
    pub(crate) fn is(self, other: &serde_json::Value) -> bool {
        match (self, other) {
            (Value::Null, serde_json::Value::Null) => true,
            (Value::Bool(own), serde_json::Value::Bool(other)) => own == *other,
            (Value::Number(own), serde_json::Value::Number(other)) => is_number(own, other),
            (Value::Text(own), serde_json::Value::String(other)) => own.decode() == other.as_str(),
            (Value::Array(own), serde_json::Value::Array(other)) => {
                let (mut same, mut rest) = (true, other.iter());
                let read = array(own, |value| same = same && rest.next().is_some_and(|other| value.is(other)));
                read.is_ok() && same && rest.next().is_none()
            }
            (Value::Object(own), serde_json::Value::Object(other)) => {
                let (mut same, mut members) = (true, 0);
                let read = object(own, Unique::Outermost, |name, value| {
                    same = same && other.get(name).is_some_and(|other| value.is(other));
                    members += 1;
                });
                read.is_ok() && same && members == other.len()
            }
            _ => false,
        }
    }
}

fn is_number(own: &str, other: &Number) -> bool {
    let integer = other.as_i64().map(i128::from).or_else(|| other.as_u64().map(i128::from));
    match (own.parse::<i128>(), integer) {
        (Ok(own), Some(other)) => own == other,
        // `5.0` and `5e0` are 5. Beyond exact integers, nothing is equal.
        (Err(_), Some(other)) => own.parse().is_ok_and(|own: f64| own.abs() < EXACT && own == other as f64),
        (_, None) => own.parse().is_ok_and(|own: f64| own.is_finite() && Some(own) == other.as_f64()),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn value(text: &str, is: impl FnOnce(Value<'_>)) {
        let text = format!("{{\"a\":{text}}}");
        let mut found = None;
        object(&text, Unique::Everywhere, |_, value| found = Some(value)).expect("well-formed");
        is(found.expect("a member"));
    }

    #[test]
    fn values_are_equal_only_as_a_whole() {
        for (text, other, expected) in [
            ("null", json!(null), true),
            ("true", json!(true), true),
            ("true", json!("true"), false),
            ("true", json!(1), false),
            (r#""a""#, json!("a"), true),
            (r#""\u0061""#, json!("a"), true),
            (r#""a ""#, json!("a"), false),
            ("1", json!("1"), false),
            ("[1,2]", json!([1, 2]), true),
            ("[1]", json!([1, 2]), false),
            ("[1,2]", json!([1]), false),
            ("[2,1]", json!([1, 2]), false),
            ("[]", json!([]), true),
            ("[]", json!({}), false),
            (r#"{"x":1,"y":[null]}"#, json!({"y": [null], "x": 1}), true),
            (r#"{"x":1}"#, json!({"x": 1, "y": 2}), false),
            (r#"{"x":1,"y":2}"#, json!({"x": 1}), false),
            (r#"{"x":{"y":1}}"#, json!({"x": {"y": 2}}), false),
        ] {
            value(text, |value| assert_eq!(value.is(&other), expected, "{text} {other}"));
        }
    }

    #[test]
    fn numbers_are_compared_by_value() {
        for (text, other, expected) in [
            ("5", json!(5), true),
            ("5.0", json!(5), true),
            ("50e-1", json!(5), true),
            ("-0", json!(0), true),
            ("5.5", json!(5), false),
            ("5.5", json!(5.5), true),
            ("5", json!(5.0), true),
            ("18446744073709551615", json!(u64::MAX), true),
            ("18446744073709551616", json!(u64::MAX), false),
            ("9007199254740993", json!(9_007_199_254_740_993_u64), true),
            ("9007199254740993", json!(9_007_199_254_740_992_u64), false),
            ("9007199254740993.0", json!(9_007_199_254_740_992_u64), false),
            ("1e300", json!(1), false),
        ] {
            value(text, |value| assert_eq!(value.is(&other), expected, "{text} {other}"));
        }
    }
}
