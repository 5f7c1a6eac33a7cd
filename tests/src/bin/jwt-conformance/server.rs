//! The tested server.

use std::time::Duration;

use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderValue, WWW_AUTHENTICATE};
use reqwest::{Client, Url};
use tokio::time::{Instant, sleep};

use crate::Outcome;
use crate::issuer::Issuer;

/// A request to the tested URL.
#[derive(Debug, Default)]
pub(crate) struct Request {
    /// The values of `Authorization`, a line each.
    authorization: Vec<String>,
    /// A token in the query: `access_token`.
    query: Option<String>,
    /// A token in the form of a POST request: `access_token`.
    form: Option<String>,
}

/// The server's answer.
#[derive(Debug)]
pub(crate) enum Answer {
    Status { status: u16, challenges: Vec<String> },
    None(String),
}

impl Request {
    pub(crate) fn anonymous() -> Self {
        Self::default()
    }

    pub(crate) fn bearer(token: impl AsRef<str>) -> Self {
        Self::authorization([format!("Bearer {}", token.as_ref())])
    }

    pub(crate) fn authorization<V: Into<String>>(values: impl IntoIterator<Item = V>) -> Self {
        Self { authorization: values.into_iter().map(Into::into).collect(), ..Self::default() }
    }

    pub(crate) fn query(token: String) -> Self {
        Self { query: Some(token), ..Self::default() }
    }

    pub(crate) fn form(token: String) -> Self {
        Self { form: Some(token), ..Self::default() }
    }
}

pub(crate) struct Server {
    url: Url,
    client: Client,
}

impl Server {
    pub(crate) fn new(url: &str) -> Outcome<Self> {
        let client = Client::builder().no_proxy().timeout(Duration::from_secs(20)).build()?;
        Ok(Self { url: url.parse()?, client })
    }

    pub(crate) async fn ask(&self, request: &Request) -> Answer {
        let mut url = self.url.clone();
        if let Some(token) = &request.query {
            url.query_pairs_mut().append_pair("access_token", token);
        }
        let mut headers = HeaderMap::new();
        for value in &request.authorization {
            match HeaderValue::from_bytes(value.as_bytes()) {
                Ok(value) => headers.append(AUTHORIZATION, value),
                Err(error) => return Answer::None(error.to_string()),
            };
        }
        let call = match &request.form {
            None => self.client.get(url),
            Some(token) => {
                let call = self.client.post(url).header(CONTENT_TYPE, "application/x-www-form-urlencoded");
                call.body(format!("access_token={token}"))
            }
        };
        match call.headers(headers).send().await {
            Ok(response) => {
                let challenges = response.headers().get_all(WWW_AUTHENTICATE).iter();
                let challenges = challenges.map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned());
                Answer::Status { status: response.status().as_u16(), challenges: challenges.collect() }
            }
            Err(error) => Answer::None(error.to_string()),
        }
    }

    /// Waits until the server accepts a good token.
    pub(crate) async fn wait_for(&self, issuer: &Issuer, patience: Duration) -> Outcome<()> {
        let answer = self.ask_until(patience, || Request::bearer(issuer.token().sign()), Answer::is_accepted).await;
        if answer.is_accepted() {
            return Ok(());
        }
        let advice = "start it so that it trusts the issuer and the audience above, and give the tokens what the URL \
                      requires with --claims";
        Err(format!("{} answers a good token with {answer}: {advice}", self.url).into())
    }

    /// Asks again until the answer is as wanted, or until patience runs out. Returns the last answer.
    pub(crate) async fn ask_until(
        &self,
        patience: Duration,
        request: impl Fn() -> Request,
        wanted: impl Fn(&Answer) -> bool,
    ) -> Answer {
        let end = Instant::now() + patience;
        loop {
            let answer = self.ask(&request()).await;
            if wanted(&answer) || Instant::now() > end {
                return answer;
            }
            sleep(Duration::from_millis(250)).await;
        }
    }
}

impl Answer {
    pub(crate) fn is_accepted(&self) -> bool {
        matches!(self, Self::Status { status: 200..=299, .. })
    }

    pub(crate) fn is_refused(&self) -> bool {
        matches!(self, Self::Status { status: 400..=499, .. })
    }
}

impl std::fmt::Display for Answer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Status { status, challenges } if challenges.is_empty() => write!(f, "{status}"),
            Self::Status { status, challenges } => write!(f, "{status}, {}", challenges.join(", ")),
            Self::None(error) => write!(f, "no answer ({error})"),
        }
    }
}
