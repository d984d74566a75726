//! Reads a feed, and writes a page.

use quick_xml::events::Event;

pub fn answer() -> anyhow::Result<String> {
    let mut reader = quick_xml::Reader::from_str("<a><b/></a>");
    let mut events = 0;
    while !matches!(reader.read_event()?, Event::Eof) {
        events += 1;
    }
    let mut html = String::new();
    pulldown_cmark::html::push_html(&mut html, pulldown_cmark::Parser::new("*text*"));
    let date = chrono::DateTime::from_timestamp(0, 0).unwrap().format("%Y-%m-%d").to_string();
    let page = handlebars::Handlebars::new().render_template("{{date}} {{{html}}}", &serde_json::json!({"date": date, "html": html.trim()}))?;
    Ok(format!("{events} {page}"))
}
