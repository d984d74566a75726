fn main() {
    println!("{}", app::describe(&model::tallest()));
}
