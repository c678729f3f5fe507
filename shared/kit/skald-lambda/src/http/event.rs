//! The gateway's event: payload format 2.0 of an HTTP API.
//!
//! A caller controls most of its content, so no content may make the function fail. The event is
//! therefore read as untyped JSON, field by field: a field that is missing or has another type
//! counts as not sent. The source of the format is AWS's page "Create AWS Lambda proxy integrations
//! for HTTP APIs".

use std::collections::BTreeMap;

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use percent_encoding::percent_decode_str;
use serde_json::Value;

/// The stage whose name is not part of the path.
const DEFAULT_STAGE: &str = "$default";

/// An event of the gateway, or anything else that was sent to the function.
#[derive(Debug)]
pub(super) struct GatewayEvent(Value);

impl GatewayEvent {
    /// Reads the event. Bytes that are not JSON are an event without fields.
    pub(super) fn read(bytes: &[u8]) -> Self {
        Self(serde_json::from_slice(bytes).unwrap_or_default())
    }

    /// The method. `None` if the event is not a call.
    pub(super) fn method(&self) -> Option<&str> {
        self.text("/requestContext/http/method").filter(|method| !method.is_empty())
    }

    /// The headers by their names in lower case. The values of a repeated header are joined by a
    /// comma, as in the gateway.
    pub(super) fn headers(&self) -> BTreeMap<String, String> {
        let mut headers = BTreeMap::<String, String>::new();
        for (name, value) in self.0.get("headers").and_then(Value::as_object).into_iter().flatten()
        {
            let Some(value) = value.as_str() else { continue };
            let joined = headers.entry(name.to_ascii_lowercase());
            joined
                .and_modify(|joined| joined.extend([",", value]))
                .or_insert_with(|| value.to_owned());
        }
        headers
    }

    /// The path's segments, starting where the API begins.
    ///
    /// The gateway decodes the path except for `%25`, so an encoded `/` has become a separator. The
    /// stage (unless it is the default one) and the prefix of a proxy or a domain mapping may come
    /// before the route. The route's key shows where the route begins.
    pub(super) fn segments(&self) -> Vec<String> {
        let path = self.text("/rawPath").unwrap_or_default();
        let sent = path.split('/').filter(|segment| !segment.is_empty());
        let sent: Vec<String> = sent.map(|segment| segment.replace("%25", "%")).collect();
        let route = self.text("/routeKey").and_then(|key| key.split_once(' '));
        let route: Vec<&str> = route.map_or(Vec::new(), |(_, path)| {
            path.split('/').filter(|part| !part.is_empty()).collect()
        });
        let stage = self.text("/requestContext/stage").filter(|stage| *stage != DEFAULT_STAGE);
        let api = if stage.is_some() && sent.first().map(String::as_str) == stage {
            &sent[1..]
        } else {
            &sent[..]
        };
        match route.split_last() {
            // `/shop/{proxy+}`: the API begins at the parameter.
            Some((last, base)) if last.ends_with("+}") => strip(api, base).unwrap_or(api).to_vec(),
            Some(_) => end(&sent, &route).unwrap_or(api).to_vec(),
            None => api.to_vec(),
        }
    }

    /// The query parameters, in order. `None` if one of them is not UTF-8.
    pub(super) fn query(&self) -> Option<Vec<(String, String)>> {
        let decoded = |text: &str| {
            let text = text.replace('+', " ");
            percent_decode_str(&text).decode_utf8().map(|text| text.into_owned()).ok()
        };
        let query = self.text("/rawQueryString").unwrap_or_default();
        let parameters = query.split('&').filter(|parameter| !parameter.is_empty());
        parameters
            .map(|parameter| {
                let (name, value) = parameter.split_once('=').unwrap_or((parameter, ""));
                Some((decoded(name)?, decoded(value)?))
            })
            .collect()
    }

    /// The body's bytes. `None` if the body is not a text, or is invalid base64.
    pub(super) fn body(&self) -> Option<Vec<u8>> {
        match self.0.get("body") {
            None | Some(Value::Null) => Some(Vec::new()),
            Some(Value::String(body)) if self.0["isBase64Encoded"] == true => {
                BASE64.decode(body).ok()
            }
            Some(Value::String(body)) => Some(body.clone().into_bytes()),
            Some(Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_)) => None,
        }
    }

    fn text(&self, pointer: &str) -> Option<&str> {
        self.0.pointer(pointer)?.as_str()
    }
}

/// The part of the path that matches this route, at the path's end.
fn end<'a>(path: &'a [String], route: &[&str]) -> Option<&'a [String]> {
    let end = &path[path.len().checked_sub(route.len())?..];
    end.iter()
        .zip(route)
        .all(|(segment, part)| part.starts_with('{') || segment == part)
        .then_some(end)
}

/// The part of the path after `base`.
fn strip<'a>(path: &'a [String], base: &[&str]) -> Option<&'a [String]> {
    let (start, rest) = path.split_at_checked(base.len())?;
    start
        .iter()
        .zip(base)
        .all(|(segment, part)| part.starts_with('{') || segment == part)
        .then_some(rest)
}
