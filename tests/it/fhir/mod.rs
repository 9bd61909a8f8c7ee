// The attribute tells the lints that everything inside is test code, its helpers too.
#[cfg(test)]
mod format;
#[cfg(test)]
mod patch;
#[cfg(test)]
mod search;
