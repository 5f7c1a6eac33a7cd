use std::io::{BufRead, Write};

use clap::{Args, CommandFactory as _, Parser, Subcommand};
use clap_complete::Shell;

use super::doctor::Doctor;
use super::explain::{Verdict, explain, fetch_keys, judge_input};
use super::input::Input;
use super::keys::Keys;
use super::mint::Mint;
use super::trust::Trust;
use super::unverified::{Unverified, shown};
use super::{CliError, decode, print};

/// Explains, decodes, verifies and makes JSON Web Tokens, and examines their issuers.
///
/// A token is a password: give it on the standard input (`-`), because other users of the machine can see the arguments of a
/// program.
#[derive(Clone, Debug, Parser)]
#[command(name = "jwt", version)]
pub struct Options {
    #[command(subcommand)]
    command: Command,
}

#[derive(Clone, Debug, Subcommand)]
enum Command {
    /// Shows every check of a token, and what to change if one fails
    ///
    /// The exit status is 0 if the token is accepted, 1 if it's refused, and 2 if the options are wrong or the keys unavailable.
    Explain(Explain),
    /// Shows a token's contents, without verifying it
    Decode(Decode),
    /// Prints one word for each token: accepted, refused or unavailable
    Verify(Verify),
    /// Examines an issuer or a configuration, and says what will go wrong
    ///
    /// The exit status is 1 if tokens will be refused.
    Doctor(Doctor),
    /// Makes a token, for tests and for trying a service out
    Mint(Mint),
    /// Makes keys, and converts them between PEM and JWK
    Keys(Keys),
    /// Prints a script that completes commands and options in a shell
    Completions {
        /// The shell
        shell: Shell,
    },
}

#[derive(Args, Clone, Debug)]
struct Explain {
    /// A token or a header line with one, or `-` to read one a line from the standard input
    #[arg(default_value = "-")]
    token: String,

    /// A scope that a route requires; may be repeated
    #[arg(long, value_name = "SCOPE")]
    scope: Vec<String>,

    /// Writes one line of JSON for each token
    #[arg(long)]
    json: bool,

    #[command(flatten)]
    trust: Trust,
}

#[derive(Args, Clone, Debug)]
struct Decode {
    /// A token or a header line with one, or `-` to read one a line from the standard input
    #[arg(default_value = "-")]
    token: String,

    /// Shows the values of all claims
    #[arg(long)]
    show: bool,
}

#[derive(Args, Clone, Debug)]
struct Verify {
    /// A token or a header line with one, or `-` to read one a line from the standard input
    #[arg(default_value = "-")]
    token: String,

    /// A scope that a route requires; may be repeated
    #[arg(long, value_name = "SCOPE")]
    scope: Vec<String>,

    #[command(flatten)]
    trust: Trust,
}

/// Runs a command, and returns its exit status.
///
/// # Errors
///
/// If the command can't do its work. The exit status is 2 then.
pub async fn run(options: Options, input: &mut dyn BufRead, output: &mut dyn Write) -> Result<u8, CliError> {
    match options.command {
        Command::Explain(explain) => explain.run(input, output).await,
        Command::Decode(decode) => decode.run(input, output),
        Command::Verify(verify) => verify.run(input, output).await,
        Command::Doctor(doctor) => doctor.run(output).await,
        Command::Mint(mint) => mint.run(output),
        Command::Keys(keys) => keys.run(output),
        Command::Completions { shell } => {
            clap_complete::generate(shell, &mut Options::command(), "jwt", &mut &mut *output);
            Ok(0)
        }
    }
}

impl Explain {
    async fn run(self, input: &mut dyn BufRead, output: &mut dyn Write) -> Result<u8, CliError> {
        let inputs = Input::read(&self.token, input)?;
        let (verifier, expected) = self.trust.verifier().map_err(|error| hinting(error, &inputs))?;
        let unfetched = fetch_keys(&verifier).await;
        let mut worst = Verdict::Accepted;
        for (index, input) in inputs.iter().enumerate() {
            let error = judge_input(&verifier, &self.scope, input).await;
            let requires = !self.scope.is_empty();
            let explanation = explain(error.as_ref(), unfetched.as_deref(), &expected, input.token(), requires);
            if self.json {
                writeln!(output, "{}", print::json(&explanation))?;
            } else {
                if index > 0 {
                    writeln!(output)?;
                }
                print::text(&explanation, output)?;
            }
            worst = worst.max(explanation.verdict);
        }
        Ok(worst.status())
    }
}

/// Adds the first token's issuer and audience, if it isn't clear whose tokens are accepted.
fn hinting(error: CliError, inputs: &[Input]) -> CliError {
    let CliError::Usage(sentence) = error else { return error };
    let token = Unverified::read(inputs.first().map_or("", Input::token));
    let named = [("--discover", token.claim("iss")), ("--audience", token.claim("aud"))];
    let named: Vec<String> = named
        .into_iter()
        .filter_map(|(option, value)| Some((option, value.filter(|value| value.is_string())?)))
        .map(|(option, value)| format!("{option} {}", shown(value)))
        .collect();
    CliError::Usage(if named.is_empty() {
        sentence
    } else {
        format!("{sentence}. This token names: {}", named.join(" "))
    })
}

impl Decode {
    fn run(self, input: &mut dyn BufRead, output: &mut dyn Write) -> Result<u8, CliError> {
        let mut all = true;
        for (index, input) in Input::read(&self.token, input)?.iter().enumerate() {
            if index > 0 {
                writeln!(output)?;
            }
            all &= decode::text(input.token(), self.show, output)?;
        }
        Ok(u8::from(!all))
    }
}

impl Verify {
    async fn run(self, input: &mut dyn BufRead, output: &mut dyn Write) -> Result<u8, CliError> {
        let inputs = Input::read(&self.token, input)?;
        let (verifier, _) = self.trust.verifier()?;
        let mut worst = Verdict::Accepted;
        for input in &inputs {
            let error = judge_input(&verifier, &self.scope, input).await;
            let verdict = Verdict::of(error.as_ref());
            writeln!(output, "{}", verdict.word())?;
            worst = worst.max(verdict);
        }
        Ok(worst.status())
    }
}
