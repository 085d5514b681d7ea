//! What people type: destinations and amounts.

use rust_decimal::Decimal;

use crate::domain::receipt::Rail;

/// Which rail a text asks for. A link with both goes over Lightning where that is allowed.
pub fn rail_of(text: &str, allowed: &[Rail]) -> Rail {
    let lower = text.trim().to_ascii_lowercase();
    let both = lower.starts_with("bitcoin:") && lower.contains("lightning=ln");
    let lightning =
        lower.starts_with("ln") || lower.starts_with("lightning:") || lower.contains('@');
    if lightning || (both && allowed.contains(&Rail::Lightning)) {
        Rail::Lightning
    } else {
        Rail::Onchain
    }
}

/// An amount as people write it: digits, one point, commas and spaces between thousands. Empty is none.
pub fn amount(text: &str) -> Result<Option<Decimal>, &'static str> {
    let plain: String = text
        .trim()
        .chars()
        .filter(|char| !matches!(char, ',' | ' ' | '_' | '\''))
        .collect();
    if plain.is_empty() {
        return Ok(None);
    }
    // "12,50" is twelve and a half to half of the world, and 1,250 to none.
    if let Some((_, cents)) = text.trim().rsplit_once(',')
        && (cents.len() != 3 && !cents.contains('.') || cents.is_empty())
    {
        return Err("Write the amount with a point, like 12.50.");
    }
    plain
        .parse()
        .map(Some)
        .map_err(|_| "Write the amount in digits, like 12.50.")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rail_is_read_from_the_text() {
        let both = Rail::ALL;
        let rows = [
            ("lnbcrt1p", Rail::Lightning),
            ("LIGHTNING:LNBC1", Rail::Lightning),
            ("me@example.com", Rail::Lightning),
            ("bcrt1qxy", Rail::Onchain),
            ("bitcoin:BCRT1QXY?amount=1", Rail::Onchain),
            (
                "bitcoin:BCRT1QXY?amount=1&lightning=LNBCRT1",
                Rail::Lightning,
            ),
            ("nonsense", Rail::Onchain),
        ];
        for (text, rail) in rows {
            assert_eq!(rail_of(text, &both), rail, "{text}");
        }
        let link = "bitcoin:bcrt1qxy?lightning=lnbcrt1";
        assert_eq!(rail_of(link, &[Rail::Onchain]), Rail::Onchain);
    }

    #[test]
    fn amounts_are_read_as_people_write_them() {
        let dec = |text: &str| text.parse::<Decimal>().expect("decimal");
        assert_eq!(amount("  "), Ok(None));
        assert_eq!(amount("12.50"), Ok(Some(dec("12.50"))));
        assert_eq!(amount("1,250"), Ok(Some(dec("1250"))));
        assert_eq!(amount("1,250.75"), Ok(Some(dec("1250.75"))));
        assert_eq!(amount("-5"), Ok(Some(dec("-5"))));
        for bad in ["12,50", "ten", "1.2.3", "1e", "12,"] {
            assert!(amount(bad).is_err(), "{bad}");
        }
    }
}
