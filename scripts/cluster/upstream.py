"""What stands behind the gateway in the cluster's runs: an API that takes its time at /slow."""

import http.server
import socketserver
import sys
import time


class Api(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        if self.path.startswith("/slow"):
            time.sleep(3)
        self.send_response(200)
        self.send_header("Content-Length", "3")
        self.end_headers()
        self.wfile.write(b"ok\n")

    def log_message(self, *_):
        pass


class Server(socketserver.ThreadingMixIn, http.server.HTTPServer):
    daemon_threads = True
    request_queue_size = 512

    def handle_error(self, *_):
        """Callers that end with their step leave requests behind; what matters of them they told."""


Server((sys.argv[1], int(sys.argv[2])), Api).serve_forever()
