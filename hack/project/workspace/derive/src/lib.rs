//! `#[derive(Name)]`: the type's own name, as `Type::NAME`.

use proc_macro::TokenStream;

#[proc_macro_derive(Name)]
pub fn name(item: TokenStream) -> TokenStream {
    let words = item.into_iter().map(|token| token.to_string());
    let ty = words
        .skip_while(|word| word != "struct")
        .nth(1)
        .expect("a struct");
    format!("impl {ty} {{ pub const NAME: &'static str = \"{ty}\"; }}")
        .parse()
        .unwrap()
}
