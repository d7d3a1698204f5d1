# Consul's view of an instance: it is given to clients while /readyz answers 200.
#   consul services register consul.hcl
service {
  name = "glimpse"
  id   = "glimpse-1"
  port = 8080
  tags = ["http", "h2c", "grpc"]
  meta { version = "0.1.0" }

  check {
    name     = "ready"
    http     = "http://localhost:8080/readyz"
    interval = "1s"
    timeout  = "500ms"
    # An instance that has been gone for so long is forgotten.
    deregister_critical_service_after = "1m"
  }
}
