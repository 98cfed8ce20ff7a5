//! The floor of reads: actix-web serving bytes that it was given, with their ETag, and nothing else.
//!
//! `bench-floor PORT FILE ETAG`: answers `GET /` with the file, and with 304 to whoever has it.

use actix_web::{App, HttpRequest, HttpResponse, HttpServer, http::header, web};
use std::{env, fs, io, process::ExitCode};

struct Bytes {
    body: web::Bytes,
    etag: String,
}

async fn serve(request: HttpRequest, bytes: web::Data<Bytes>) -> HttpResponse {
    let has = request.headers().get(header::IF_NONE_MATCH).is_some_and(|tag| tag.as_bytes() == bytes.etag.as_bytes());
    if has {
        return HttpResponse::NotModified().insert_header((header::ETAG, bytes.etag.clone())).finish();
    }
    HttpResponse::Ok()
        .insert_header((header::ETAG, bytes.etag.clone()))
        .content_type("application/json")
        .body(bytes.body.clone())
}

fn run() -> io::Result<()> {
    let wrong = || io::Error::new(io::ErrorKind::InvalidInput, "bench-floor PORT FILE ETAG");
    let arguments: Vec<String> = env::args().skip(1).collect();
    let [port, file, etag] = arguments.as_slice() else { return Err(wrong()) };
    let port: u16 = port.parse().map_err(|_| wrong())?;
    let bytes = web::Data::new(Bytes { body: fs::read(file)?.into(), etag: etag.clone() });
    actix_web::rt::System::new().block_on(async move {
        HttpServer::new(move || App::new().app_data(bytes.clone()).route("/", web::get().to(serve)))
            .bind(("127.0.0.1", port))?
            .run()
            .await
    })
}

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(err) => {
            eprintln!("bench-floor: {err}");
            ExitCode::FAILURE
        }
    }
}
