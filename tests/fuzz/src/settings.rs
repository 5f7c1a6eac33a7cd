//! Settings of a verifier, written as TOML, JSON and variables.

use std::time::Duration;

use crate::{Input, json};

/// A setting in every form.
#[derive(Clone)]
pub struct Setting {
    /// The table that holds it; empty for the outermost.
    pub table: &'static str,
    pub field: &'static str,
    /// The value in JSON, which TOML reads alike.
    pub value: String,
    /// The variable's name and value, if there is a variable for it.
    pub variable: Option<(&'static str, String)>,
}

#[derive(Default)]
pub struct Said {
    pub settings: Vec<Setting>,
    /// Whether a setting is one that code may make and a configuration may not.
    pub odd: bool,
    /// Whether a setting cannot be written as a variable.
    pub inexpressible: bool,
}

impl Said {
    pub fn put(
        &mut self,
        table: &'static str,
        field: &'static str,
        value: String,
        name: &'static str,
        variable: String,
    ) {
        // An empty variable is refused.
        self.inexpressible |= variable.is_empty() || name.is_empty();
        let variable = Some((name, variable)).filter(|(name, _)| !name.is_empty());
        self.settings.push(Setting { table, field, value, variable });
    }

    pub fn text(
        &mut self,
        input: &mut Input<'_>,
        table: &'static str,
        field: &'static str,
        name: &'static str,
        text: &str,
    ) {
        let value = json::quote(input, text);
        self.put(table, field, value, name, text.to_owned());
    }

    pub fn flag(&mut self, table: &'static str, field: &'static str, name: &'static str, flag: bool) {
        self.put(table, field, flag.to_string(), name, flag.to_string());
    }

    /// Adds one to three of these names, and returns them.
    pub fn names<'n>(
        &mut self,
        input: &mut Input<'_>,
        (table, field, name): (&'static str, &'static str, &'static str),
        names: &[&'n str],
    ) -> Vec<&'n str> {
        let mut chosen: Vec<&str> = (0..1 + input.below(3)).map(|_| input.pick_mostly(3, names)).collect();
        if !input.once_in(8) {
            chosen.sort_unstable();
            chosen.dedup();
        }
        let quoted: Vec<String> = chosen.iter().map(|name| json::quote(input, name)).collect();
        let is_one = chosen.len() == 1 && input.once_in(2);
        let value = if is_one { quoted[0].clone() } else { format!("[{}]", quoted.join(",")) };
        // Variables separate names by commas and trim them.
        self.inexpressible |= chosen.iter().any(|name| name.is_empty() || name.contains(',') || name.trim() != *name);
        let separator = input.pick(&[",", ", ", " ,"]);
        self.put(table, field, value, name, chosen.join(separator));
        chosen
    }

    pub fn duration(
        &mut self,
        input: &mut Input<'_>,
        table: &'static str,
        field: &'static str,
        name: &'static str,
    ) -> Duration {
        let usual = if field == "timeout" { [1000, 2500, 5000, 30_000] } else { [60_000, 61_500, 90_000, 300_000] };
        let unusual = [
            0,
            1,
            999,
            300_001,
            301_000,
            600_000,
            3_600_000,
            5_400_000,
            86_400_000,
            90_061_001,
            172_800_000,
            4_294_967_295_000,
            4_294_967_295_001,
            u64::MAX / 2,
        ];
        let millis = if input.once_in(8) { input.pick(&unusual) } else { input.pick(&usual) };
        // Configurations refuse durations over 136 years.
        self.odd |= millis > 4_294_967_295_000;
        let mut parts = Vec::new();
        let mut rest = millis;
        for (unit, worth) in [("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1000), ("ms", 1)] {
            let is_last = worth == 1 || (rest.is_multiple_of(worth) && input.once_in(2));
            let count = if input.once_in(3) || is_last { rest / worth } else { 0 };
            rest -= count * worth;
            if count > 0 || (is_last && parts.is_empty()) {
                parts.push(format!("{count}{unit}"));
            }
            if is_last {
                break;
            }
        }
        let text = parts.join(input.pick(&[" ", ""]));
        let is_number = millis.is_multiple_of(1000) && input.once_in(3);
        let value = if is_number { (millis / 1000).to_string() } else { format!("\"{text}\"") };
        self.put(table, field, value, name, text);
        Duration::from_millis(millis)
    }

    pub fn size(
        &mut self,
        input: &mut Input<'_>,
        table: &'static str,
        field: &'static str,
        name: &'static str,
    ) -> usize {
        let sizes = [1000, 8192, 16_384, 512_000, 512 * 1024, 0, 1, 512 * 1024 + 1, 2_000_000, 3 << 20];
        let bytes: usize = input.pick_mostly(5, &sizes);
        let units = [("B", 1), ("KB", 1000), ("MB", 1_000_000), ("KiB", 1 << 10), ("MiB", 1 << 20)];
        let (unit, worth) = input.pick(&units);
        let text = if bytes.is_multiple_of(worth) { format!("{}{unit}", bytes / worth) } else { format!("{bytes}B") };
        let value = if input.once_in(3) { bytes.to_string() } else { format!("\"{text}\"") };
        self.put(table, field, value, name, text);
        bytes
    }

    pub fn of<'s>(&'s self, table: &'s str) -> impl Iterator<Item = &'s Setting> {
        self.settings.iter().filter(move |setting| setting.table == table)
    }

    pub fn json(&self) -> String {
        let members = |table| {
            let members = self.of(table).map(|setting| format!("{:?}:{}", setting.field, setting.value));
            members.collect::<Vec<_>>()
        };
        let nest = |mut outer: Vec<String>, name: &str, inner: Vec<String>| {
            if !inner.is_empty() {
                outer.push(format!("\"{name}\":{{{}}}", inner.join(",")));
            }
            outer
        };
        let issuer = nest(nest(members("issuer"), "refresh", members("refresh")), "claims", members("claims"));
        let mut all = nest(members(""), "sources", members("sources"));
        all = nest(nest(all, "dpop", members("dpop")), "certificate", members("certificate"));
        all.push(format!("\"issuers\":[{{{}}}]", issuer.join(",")));
        format!("{{{}}}", all.join(","))
    }

    pub fn toml(&self) -> String {
        let lines = |head: &str, table| {
            let lines: String =
                self.of(table).map(|setting| format!("{} = {}\n", setting.field, setting.value)).collect();
            if lines.is_empty() && table != "issuer" { lines } else { format!("{head}\n{lines}") }
        };
        [
            lines("", ""),
            lines("[sources]", "sources"),
            lines("[dpop]", "dpop"),
            lines("[certificate]", "certificate"),
            lines("[[issuers]]", "issuer"),
            lines("[issuers.refresh]", "refresh"),
            lines("[issuers.claims]", "claims"),
        ]
        .concat()
    }

    pub fn variables(&self) -> Vec<(String, String)> {
        let variables = self.settings.iter().filter_map(|setting| setting.variable.clone());
        variables.map(|(name, value)| (format!("JWT_{name}"), value)).collect()
    }
}
