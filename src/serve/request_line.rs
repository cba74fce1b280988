//! The line that each request gets in the log.

use std::borrow::Cow;
use std::time::Instant;

use http::{Method, Request, StatusCode};

use super::event::Event;
use super::target;
use super::worker::{Ends, Worker};
use crate::report;

/// A request in progress. Its line is printed when this is dropped, whether it was answered or not.
pub(super) struct RequestLine<'a> {
    worker: &'a Worker,
    ends: &'a Ends,
    begun: Instant,
    method: Method,
    host: String,
    path: String,
    status: Option<StatusCode>,
}

impl<'a> RequestLine<'a> {
    /// Keeps what is logged of a request, unless nobody reads the log.
    pub(super) fn begin<B>(worker: &'a Worker, ends: &'a Ends, request: &Request<B>) -> Option<Self> {
        worker.shared.events.are_read().then(|| Self {
            worker,
            ends,
            begun: Instant::now(),
            method: request.method().clone(),
            host: target::host(request.uri(), request.headers()).unwrap_or("?").to_owned(),
            path: target::target(request.uri()).as_str().to_owned(),
            status: None,
        })
    }

    /// The request was answered.
    pub(super) fn end(mut self, status: StatusCode) {
        self.status = Some(status);
    }

    /// Why there is no status.
    fn failure(&self) -> Option<&'static str> {
        match self.status {
            Some(_) => None,
            None if self.worker.shared.is_over() => Some("the server was stopped"),
            None => Some("the client gave up"),
        }
    }
}

impl Drop for RequestLine<'_> {
    fn drop(&mut self) {
        self.worker.shared.events.say(&Event::Request {
            method: self.method.as_str(),
            scheme: self.ends.scheme,
            host: &self.host,
            path: &self.path,
            status: self.status.map(|status| status.as_u16()),
            failure: self.failure(),
            milliseconds: report::milliseconds(self.begun.elapsed()),
            client: Cow::Owned(self.ends.peer.to_canonical().to_string()),
            identity: self.ends.client.as_ref().map(|client| client.name.as_str()),
            protocol: self.ends.protocol,
        });
    }
}
