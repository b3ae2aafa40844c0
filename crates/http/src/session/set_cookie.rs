//! A `Set-Cookie` header as a user agent reads it (RFC 6265 section 5.2). Pure.

/// The content of a `Set-Cookie` header. Unknown attributes are left out; of several the last one counts.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct SetCookie<'a> {
    pub(super) name: &'a str,
    pub(super) value: &'a str,
    pub(super) path: Option<&'a str>,
    /// Without the dot that some servers begin it with, and never empty.
    pub(super) domain: Option<&'a str>,
    pub(super) is_secure: bool,
    /// In seconds from now, not above 0 for a cookie that has ended.
    pub(super) max_age: Option<i64>,
    /// In seconds since the Unix epoch.
    pub(super) expires: Option<i64>,
}

impl<'a> SetCookie<'a> {
    /// Reads a header; `None` where it has no name or no `=`.
    pub(super) fn parse(text: &'a str) -> Option<Self> {
        let mut parts = text.split(';');
        let (name, value) = parts.next()?.split_once('=')?;
        let mut cookie = Self {
            name: name.trim(),
            value: value.trim(),
            ..Self::default()
        };
        for part in parts {
            let (key, value) = part.split_once('=').unwrap_or((part, ""));
            cookie.add(key.trim(), value.trim());
        }
        (!cookie.name.is_empty()).then_some(cookie)
    }

    fn add(&mut self, key: &str, value: &'a str) {
        match key.to_ascii_lowercase().as_str() {
            "path" => self.path = Some(value),
            "domain" if !value.is_empty() => {
                let name = value.strip_prefix('.').unwrap_or(value);
                self.domain = Some(name).filter(|name| !name.is_empty());
            }
            "secure" => self.is_secure = true,
            "max-age" => self.max_age = max_age(value).or(self.max_age),
            "expires" => self.expires = date(value).or(self.expires),
            _ => {}
        }
    }
}

/// The seconds of a `Max-Age`, or `None` where it is no number. More than an `i64` holds is its bound.
fn max_age(text: &str) -> Option<i64> {
    let (bound, digits) = match text.strip_prefix('-') {
        Some(digits) => (i64::MIN, digits),
        None => (i64::MAX, text),
    };
    let is_number = !digits.is_empty() && digits.bytes().all(|it| it.is_ascii_digit());
    is_number.then(|| text.parse().unwrap_or(bound))
}

/// The seconds since the Unix epoch of a date in any of the forms that servers write, or `None`
/// (RFC 6265 section 5.1.1): a time, a day, a month and a year, in this order of preference.
fn date(text: &str) -> Option<i64> {
    let (mut time, mut day, mut month, mut year) = (None, None, None, None);
    let is_delimiter = |it: char| !it.is_ascii_alphanumeric() && it != ':';
    for token in text.split(is_delimiter).filter(|token| !token.is_empty()) {
        if time.is_none() && token.contains(':') {
            time = Some(seconds_of_day(token)?);
        } else if day.is_none() && token.len() <= 2 {
            day = Some(number(token).filter(|day| (1..=31).contains(day))?);
        } else if month.is_none() && number(token).is_none() {
            // Anything else in letters is the name of a day or of a time zone.
            month = month_of(token);
        } else if year.is_none() {
            year = number(token).map(full_year);
        }
    }
    let year = year.filter(|year| (1601..=9999).contains(year))?;
    Some(days_since_epoch(year, month?, day?) * 86_400 + time?)
}

fn number(text: &str) -> Option<i64> {
    let is_number = text.len() <= 4 && text.bytes().all(|it| it.is_ascii_digit());
    is_number.then(|| text.parse().ok())?
}

fn seconds_of_day(text: &str) -> Option<i64> {
    let parts: Vec<i64> = text.split(':').map(number).collect::<Option<_>>()?;
    match parts[..] {
        [hours @ 0..24, minutes @ 0..60, seconds @ 0..60] => {
            Some(hours * 3_600 + minutes * 60 + seconds)
        }
        _ => None,
    }
}

/// The number of a month, from 1, by its first three letters.
fn month_of(text: &str) -> Option<i64> {
    let name = text.get(..3)?.to_ascii_lowercase();
    let index = MONTHS.iter().position(|month| *month == name)?;
    i64::try_from(index + 1).ok()
}

/// Years of two digits are from 1970 to 2069.
fn full_year(year: i64) -> i64 {
    match year {
        0..=69 => year + 2_000,
        70..=99 => year + 1_900,
        _ => year,
    }
}

/// The days from 1970-01-01 to a date of the Gregorian calendar.
///
/// Years begin in March here, so that the leap day is the last day of a year.
fn days_since_epoch(year: i64, month: i64, day: i64) -> i64 {
    let (year, month) = match month {
        1 | 2 => (year - 1, month + 9),
        _ => (year, month - 3),
    };
    let leap_days = year / 4 - year / 100 + year / 400;
    year * 365 + leap_days + (month * 153 + 2) / 5 + day - 1 - DAYS_BEFORE_EPOCH
}

const MONTHS: [&str; 12] = [
    "jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec",
];

/// From March of the year 0 to 1970-01-01.
const DAYS_BEFORE_EPOCH: i64 = 719_468;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_date_is_read_in_each_form_that_servers_write() {
        for text in [
            "Sun, 06 Nov 1994 08:49:37 GMT",
            "Sunday, 06-Nov-94 08:49:37 GMT",
            "Sun, 06-Nov-1994 08:49:37 GMT",
            "Sun, 6-Nov-94 8:49:37",
            "Sun Nov  6 08:49:37 1994",
            "1994 november 06 08:49:37",
        ] {
            assert_eq!(date(text), Some(784_111_777), "{text}");
        }
    }

    #[test]
    fn a_date_is_counted_over_leap_years_and_centuries() {
        for (text, seconds) in [
            ("01 Jan 1970 00:00:00", 0),
            ("31 Dec 1969 23:59:59", -1),
            ("29 Feb 2000 12:00:00", 951_825_600),
            ("01 Mar 2100 00:00:00", 4_107_542_400),
            ("31 Dec 9999 23:59:59", 253_402_300_799),
        ] {
            assert_eq!(date(text), Some(seconds), "{text}");
        }
    }

    #[test]
    fn what_is_no_date_is_none() {
        for text in [
            "",
            "soon",
            "06 Nov 1994",
            "Nov 1994 08:49:37",
            "06 1994 08:49:37",
            "06 Nov 08:49:37",
            "32 Nov 1994 08:49:37",
            "06 Nov 1994 24:00:00",
            "06 Nov 1994 08:49",
            "06 Nov 1500 08:49:37",
            "06 Nov 99999 08:49:37",
        ] {
            assert_eq!(date(text), None, "{text}");
        }
    }

    #[test]
    fn a_domain_is_read_without_its_first_dot() {
        for (text, domain) in [
            ("a=1; Domain=.example.com", Some("example.com")),
            ("a=1; Domain=..example.com", Some(".example.com")),
            ("a=1; Domain=.", None),
            ("a=1; Domain=e; Domain=", Some("e")),
        ] {
            assert_eq!(SetCookie::parse(text).unwrap().domain, domain, "{text}");
        }
    }

    #[test]
    fn the_last_of_several_attributes_counts_and_one_that_is_no_value_changes_nothing() {
        let text = "a = b=c ; PATH=/x; path=/y;Max-Age=7; Max-Age=x; secure; Domain=; HttpOnly";
        let read = SetCookie::parse(text).unwrap();
        let expected = SetCookie {
            name: "a",
            value: "b=c",
            path: Some("/y"),
            is_secure: true,
            max_age: Some(7),
            ..SetCookie::default()
        };
        assert_eq!(read, expected);
    }
}
