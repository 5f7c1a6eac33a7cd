/// The headers of a request or a response, lent by a framework to be changed.
///
/// Names are in lower case. To adapt another framework, implement it for a wrapper around the framework's header map.
pub trait Headers {
    /// Calls `each` with the name and the value of every field line.
    fn lines(&self, each: &mut dyn FnMut(&str, &[u8]));

    /// Adds a field line. Names and values of this crate are legal; leave an illegal one out.
    fn append(&mut self, name: &str, value: Vec<u8>);

    /// Removes every field line called `name`.
    fn remove(&mut self, name: &str);
}

impl dyn Headers + '_ {
    /// Returns whether there is a field line called `name`.
    pub(crate) fn has(&self, name: &str) -> bool {
        let mut found = false;
        self.lines(&mut |other, _| found |= other == name);
        found
    }

    /// Returns the values of every field line called `name`.
    pub(crate) fn values(&self, name: &str) -> Vec<Vec<u8>> {
        let mut values = Vec::new();
        self.lines(&mut |other, value| {
            if other == name {
                values.push(value.to_vec());
            }
        });
        values
    }
}

#[cfg(test)]
impl Headers for Vec<(String, Vec<u8>)> {
    fn lines(&self, each: &mut dyn FnMut(&str, &[u8])) {
        self.iter().for_each(|(name, value)| each(name, value));
    }

    fn append(&mut self, name: &str, value: Vec<u8>) {
        self.push((name.to_owned(), value));
    }

    fn remove(&mut self, name: &str) {
        self.retain(|(other, _)| other != name);
    }
}
