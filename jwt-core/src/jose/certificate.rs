//! X.509 certificates, as far as a key and its chain need them. RFC 5280 section 4.1.

use ::der::asn1::{AnyRef, BitStringRef, ContextSpecific, IntRef};
use ::der::{Decode as _, Error, Reader as _, SliceReader, Tag, TagNumber, Tagged as _};
use ::spki::{AlgorithmIdentifierRef, SubjectPublicKeyInfoRef};

/// The parts of a certificate that are used here. The others must have the right structure, but nothing is checked in them.
pub(super) struct Certificate<'a> {
    pub(super) issuer: AnyRef<'a>,
    pub(super) subject: AnyRef<'a>,
    pub(super) key: SubjectPublicKeyInfoRef<'a>,
}

impl<'a> Certificate<'a> {
    pub(super) fn from_der(der: &'a [u8]) -> Result<Self, Error> {
        let mut reader = SliceReader::new(der)?;
        let certificate = reader.sequence(|certificate| {
            let parts = certificate.sequence(Self::of_fields)?;
            AlgorithmIdentifierRef::decode(certificate)?;
            BitStringRef::decode(certificate)?;
            Ok::<_, Error>(parts)
        })?;
        reader.finish()?;
        Ok(certificate)
    }

    /// Reads the fields of a `TBSCertificate`.
    fn of_fields(fields: &mut SliceReader<'a>) -> Result<Self, Error> {
        // The version is absent from certificates of version 1.
        ContextSpecific::<u8>::decode_explicit(fields, TagNumber(0))?;
        IntRef::decode(fields)?;
        AlgorithmIdentifierRef::decode(fields)?;
        let issuer = sequence(fields)?;
        let _validity = sequence(fields)?;
        let (subject, key) = (sequence(fields)?, SubjectPublicKeyInfoRef::decode(fields)?);
        while !fields.is_finished() {
            AnyRef::decode(fields)?;
        }
        Ok(Self { issuer, subject, key })
    }
}

fn sequence<'a>(fields: &mut SliceReader<'a>) -> Result<AnyRef<'a>, Error> {
    let value = AnyRef::decode(fields)?;
    value.tag().assert_eq(Tag::Sequence)?;
    Ok(value)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::jose::der::tlv;
    use crate::jose::pem_samples::{P256_CERTIFICATE, content};

    #[test]
    fn only_a_whole_certificate_is_read() {
        let der = content(P256_CERTIFICATE);
        assert!(Certificate::from_der(&der).is_ok());
        for length in 0..der.len() {
            assert!(Certificate::from_der(&der[..length]).is_err(), "{length} bytes");
        }
        assert!(Certificate::from_der(&[der.as_slice(), &[0]].concat()).is_err());
    }

    #[test]
    fn a_field_of_another_type_is_refused() {
        let key = content(crate::jose::pem_samples::P256_SPKI);
        let algorithm = tlv(0x30, &[&tlv(0x06, &[&[0x2a, 0x03]])]);
        let (version, serial) = (tlv(0xa0, &[&tlv(0x02, &[&[2]])]), tlv(0x02, &[&[1]]));
        let (empty, signature) = (tlv(0x30, &[]), tlv(0x03, &[&[0, 0]]));
        let good = [&version, &serial, &algorithm, &empty, &empty, &empty, &*key].map(|field| field.to_vec());
        let certificate = |fields: &[Vec<u8>]| {
            let fields: Vec<&[u8]> = fields.iter().map(Vec::as_slice).collect();
            tlv(0x30, &[&tlv(0x30, &fields), &algorithm, &signature])
        };
        assert!(Certificate::from_der(&certificate(&good)).is_ok());
        assert!(Certificate::from_der(&certificate(&good[1..])).is_ok(), "version 1");
        for place in 0..good.len() {
            let mut bad = good.clone();
            bad[place] = tlv(0x04, &[&[0]]);
            assert!(Certificate::from_der(&certificate(&bad)).is_err(), "field {place}");
        }
    }
}
