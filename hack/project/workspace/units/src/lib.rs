//! Lengths, in metres.

pub fn metres(feet: f64) -> f64 {
    feet * 0.3048
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_foot() {
        assert_eq!(super::metres(10.0), 3.048);
    }
}
