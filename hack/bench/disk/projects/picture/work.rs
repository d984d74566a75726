//! Draws a picture, scales it, and reads it again.

use std::io::Cursor;

use base64::Engine;
use image::{imageops::FilterType, DynamicImage, ImageFormat, Rgb, RgbImage};
use rand::{Rng, SeedableRng};

pub fn answer() -> anyhow::Result<String> {
    let mut random = rand::rngs::StdRng::seed_from_u64(1);
    let mut picture = RgbImage::new(16, 12);
    picture.put_pixel(random.random_range(0..16), 1, Rgb([255, 0, 0]));
    let mut png = Cursor::new(Vec::new());
    DynamicImage::ImageRgb8(picture).resize_exact(8, 6, FilterType::Triangle).write_to(&mut png, ImageFormat::Png)?;
    let again = image::load_from_memory(png.get_ref())?;
    let head = base64::engine::general_purpose::STANDARD.encode(&png.get_ref()[..6]);
    Ok(format!("{}x{} {head}", again.width(), again.height()))
}
