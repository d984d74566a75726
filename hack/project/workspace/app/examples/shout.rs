fn main() {
    println!("{}", app::describe(&model::tallest()).to_uppercase());
}
