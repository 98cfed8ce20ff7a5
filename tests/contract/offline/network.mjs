// A network between a phone and the service that can be told to break.
import { connect, createServer } from "node:net";

export class Network {
  /** `up`; `down`: nothing gets through; `lose`: the next answer is lost on its way back; `busy`: the next answer asks for patience. */
  mode = "up";
  lost = 0;
  /** The first lines of what was sent through. */
  asked = [];

  constructor(port) {
    this.server = createServer((phone) => this.carry(phone, port));
  }

  async listen() {
    await new Promise((resolve) => this.server.listen(0, "127.0.0.1", resolve));
    return `http://127.0.0.1:${this.server.address().port}`;
  }

  carry(phone, port) {
    const service = connect(port, "127.0.0.1");
    const end = () => {
      phone.destroy();
      service.destroy();
    };
    phone.on("error", end).on("close", end);
    service.on("error", end).on("close", end);
    phone.on("data", (bytes) => {
      const line = /^[A-Z]+ [^\s?]+/.exec(bytes.toString("latin1"))?.[0];
      if (this.mode === "down") return end();
      if (this.mode === "busy" && line !== undefined) {
        this.mode = "up";
        phone.end("HTTP/1.1 503 Service Unavailable\r\nRetry-After: 2\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
        return undefined;
      }
      if (line !== undefined) this.asked.push(line);
      return service.write(bytes);
    });
    service.on("data", (bytes) => {
      if (this.mode !== "lose") return phone.write(bytes);
      this.mode = "up";
      this.lost += 1;
      return end();
    });
  }
}
