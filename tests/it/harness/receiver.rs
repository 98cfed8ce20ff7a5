//! A receiver of webhooks: an HTTP server of this process that remembers what it is sent and answers as it is told.

use actix_web::{App, HttpRequest, HttpResponse, HttpServer, dev::ServerHandle, http::header, web};
use serde_json::Value;
use std::{
    collections::BTreeMap,
    net::TcpListener,
    sync::{Arc, Mutex},
};
use tokio::sync::watch;

/// A request as it came.
#[derive(Debug, Clone)]
pub struct Received {
    pub method: String,
    pub path: String,
    pub headers: BTreeMap<String, String>,
    pub body: String,
}

impl Received {
    #[track_caller]
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).unwrap_or_else(|| panic!("no {name} in {:?}", self.headers))
    }

    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap()
    }
}

struct Shared {
    taken: Mutex<Vec<Received>>,
    answer: Mutex<(u16, Option<String>)>,
    held: watch::Sender<bool>,
}

/// The receiver; it ends with its last user.
pub struct Receiver {
    shared: Arc<Shared>,
    port: u16,
    handle: ServerHandle,
}

impl Drop for Receiver {
    fn drop(&mut self) {
        self.shared.held.send_replace(false);
        // Told to stop at once; nobody waits for it.
        drop(self.handle.stop(false));
    }
}

async fn receive(shared: web::Data<Shared>, request: HttpRequest, body: web::Bytes) -> HttpResponse {
    let headers = request.headers().iter().map(|(name, value)| (name.to_string(), value.to_str().unwrap().to_owned()));
    let received = Received {
        method: request.method().to_string(),
        path: request.uri().to_string(),
        headers: headers.collect(),
        body: String::from_utf8(body.to_vec()).unwrap(),
    };
    let mut held = shared.held.subscribe();
    held.wait_for(|held| !held).await.unwrap();
    shared.taken.lock().unwrap().push(received);
    let (status, location) = shared.answer.lock().unwrap().clone();
    let mut response = HttpResponse::build(status.try_into().unwrap());
    if let Some(location) = location {
        response.insert_header((header::LOCATION, location));
    }
    response.finish()
}

impl Receiver {
    /// One that answers 200.
    pub async fn start() -> Self {
        let shared = Arc::new(Shared {
            taken: Mutex::default(),
            answer: Mutex::new((200, None)),
            held: watch::Sender::new(false),
        });
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let data = web::Data::from(shared.clone());
        let server = HttpServer::new(move || App::new().app_data(data.clone()).default_service(web::to(receive)))
            .workers(1)
            .disable_signals()
            .listen(listener)
            .unwrap()
            .run();
        let handle = server.handle();
        actix_web::rt::spawn(server);
        Self { shared, port, handle }
    }

    pub fn url(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}{path}", self.port)
    }

    /// What it was sent, in order.
    pub fn taken(&self) -> Vec<Received> {
        self.shared.taken.lock().unwrap().clone()
    }

    /// From now on it answers with this status.
    pub fn answer(&self, status: u16) {
        *self.shared.answer.lock().unwrap() = (status, None);
    }

    /// From now on it answers with a redirect.
    pub fn redirect(&self, to: &str) {
        *self.shared.answer.lock().unwrap() = (302, Some(to.to_owned()));
    }

    /// From now on it answers nobody, until [`Self::release`].
    pub fn hold(&self) {
        self.shared.held.send_replace(true);
    }

    pub fn release(&self) {
        self.shared.held.send_replace(false);
    }
}
