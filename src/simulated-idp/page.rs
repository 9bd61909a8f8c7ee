//! The one page of the simulated providers: plain HTML without scripts, which a test client can use too by a
//! `POST` of the hidden fields with `person` and `level`.

use askama::Template;

/// The log-in page.
#[derive(Template)]
#[template(
    ext = "html",
    source = r#"<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>SIMULATED {{ provider }}: who are you?</title>
<style>
body { font: 1.125rem/1.5 sans-serif; max-width: 44rem; margin: 0 auto; padding: 1rem; color: #212b32; background: #fff }
.simulated { background: #ffeb3b; color: #212b32; border: 4px solid #212b32; padding: 1rem; font-weight: bold }
fieldset { border: 0; padding: 0; margin: 1.5rem 0 }
legend { font-size: 1.4rem; font-weight: bold }
label { display: inline-block; padding: .4rem }
input[type=radio] { width: 1.4rem; height: 1.4rem; vertical-align: middle }
button { font: inherit; font-weight: bold; padding: .7rem 1.2rem; background: #007f3b; color: #fff; border: 0 }
:focus-visible { outline: 4px solid #212b32; box-shadow: 0 0 0 8px #ffeb3b }
</style>
</head>
<body>
<main>
<p class="simulated" role="note">SIMULATED. This is not {{ provider }}. It is part of a sandbox of invented people; you can log in as any of them.</p>
<h1>Log in with simulated {{ provider }}</h1>
<form method="post" action="{{ action }}">
{% for (name, value) in hidden %}<input type="hidden" name="{{ name }}" value="{{ value }}">
{% endfor %}<fieldset>
<legend>Who are you?</legend>
{% for (id, name, note) in people %}<div><input type="radio" name="person" id="person-{{ id }}" value="{{ id }}" required{% if chosen.as_deref() == Some(id.as_str()) %} checked{% endif %}><label for="person-{{ id }}">{{ name }} ({{ note }})</label></div>
{% endfor %}</fieldset>
<fieldset>
<legend>{% if provider == "NHS login" %}Identity level: P9 (identity checked), P5 (contact details checked), P0 (not checked){% else %}Authentication level{% endif %}</legend>
{% for level in levels %}<div><input type="radio" name="level" id="level-{{ level }}" value="{{ level }}" required{% if loop.first %} checked{% endif %}><label for="level-{{ level }}">{{ level }}</label></div>
{% endfor %}</fieldset>
<button type="submit">Continue</button>
</form>
</main>
</body>
</html>
"#
)]
pub(super) struct Page<'p> {
    pub(super) provider: &'p str,
    pub(super) action: &'p str,
    /// The parameters of the request, which the form repeats.
    pub(super) hidden: Vec<(&'p str, &'p str)>,
    /// The form value of each person, their name, and a note that distinguishes them.
    pub(super) people: Vec<(String, String, String)>,
    /// The `id` of the person who is chosen already.
    pub(super) chosen: Option<String>,
    pub(super) levels: &'p [&'p str],
}
