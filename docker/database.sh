#!/bin/sh
# Starts the database container: passwords are made at its first start, then the image's own entrypoint goes on.
#
# Each password is in a volume of its own, as a password file of libpq that only the user of the app's container can
# read: the app never sees the owner's. Nobody knows the superuser's; inside this container it needs none:
#   docker compose exec database psql -U postgres oncelink
set -eu

secrets="${SECRETS:-/secrets}"
reader="${SECRETS_READER:-10001}" # the user of the app's container, see Dockerfile

random() {
    od -An -N24 -tx1 /dev/urandom | tr -d ' \n'
}

# The password of a role, from its file; a new one when there is no file yet.
password() (
    umask 077
    file="$secrets/$1/pgpass"
    if [ ! -s "$file" ]; then
        mkdir -p "$secrets/$1"
        printf '*:*:*:oncelink_%s:%s\n' "$1" "$(random)" >"$file.new"
        mv "$file.new" "$file"
    fi
    if [ "$(id -u)" = 0 ]; then
        chown -R "$reader" "$secrets/$1"
    fi
    chmod 700 "$secrets/$1"
    sed 's/.*://' "$file"
)

OWNER_PASSWORD="$(password owner)"
SERVICE_PASSWORD="$(password service)"
POSTGRES_PASSWORD="${POSTGRES_PASSWORD:-$(random)}"
export OWNER_PASSWORD SERVICE_PASSWORD POSTGRES_PASSWORD

exec docker-entrypoint.sh "$@"
