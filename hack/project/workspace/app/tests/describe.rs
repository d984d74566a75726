#[test]
fn tallest() {
    assert_eq!(app::describe(&model::tallest()), "Tree spruce 36.6 m");
}
