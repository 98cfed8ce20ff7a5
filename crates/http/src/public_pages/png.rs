//! A picture as PNG, for wherever SVG isn't taken. Drawn with fonts of ours, so that it looks the same everywhere and needs
//! none on the machine.

use resvg::{
    tiny_skia::{Pixmap, Transform},
    usvg::{Options, Tree, fontdb::Database},
};
use std::sync::{Arc, LazyLock};

/// Noto Sans, Latin and Vietnamese; `fonts/README.md` says where it comes from.
static FONTS: LazyLock<Arc<Database>> = LazyLock::new(|| {
    let mut fonts = Database::new();
    fonts.load_font_data(include_bytes!("../../fonts/NotoSans-Regular.ttf").to_vec());
    fonts.load_font_data(include_bytes!("../../fonts/NotoSans-Bold.ttf").to_vec());
    fonts.set_sans_serif_family("Noto Sans");
    Arc::new(fonts)
});

/// Draws an SVG document of ours.
///
/// # Errors
/// A sentence, when it can't be drawn: no picture of ours makes that happen.
pub fn draw(svg: &str) -> Result<Vec<u8>, String> {
    let options = Options { fontdb: FONTS.clone(), font_family: "Noto Sans".to_owned(), ..Options::default() };
    let tree = Tree::from_str(svg, &options).map_err(|err| err.to_string())?;
    let size = tree.size().to_int_size();
    let mut pixels = Pixmap::new(size.width(), size.height()).ok_or("the picture has no size")?;
    resvg::render(&tree, Transform::identity(), &mut pixels.as_mut());
    pixels.encode_png().map_err(|err| err.to_string())
}
