"""What all HTTP routes share: dependencies, problem details, middleware, the OpenAPI document."""
