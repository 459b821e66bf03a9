/*
 * adb_discovery.c - phones that the adb server sees, and the server itself: when nothing listens on this
 * machine, it is started as our child and ends with us
 */
#include "drivers/adb/adb_lanes.h"

#include <string.h>

#include "drivers/adb/adb_serial.h"
#include "drivers/transport/finder.h"

#define START_MS 10000
#define STEP_MS 100
#define LISTS 16 /* of the server that are read before one look: each replaces the one before */

typedef struct {
        TbFinder finder;    /* first */
        TbAdbTarget target; /* the server; no serial */
        TbTransport *link;  /* owned: host:track-devices-l */
        TbChild *server;    /* owned; NULL: not ours */
        char *list;         /* owned: the newest */
        GHashTable *seen;   /* owned: URI -> Seen */
} State;

typedef struct {
        char *serial, *state;
} Seen;

static void seen_free(gpointer data)
{
        Seen *s = data;

        g_free(s->serial);
        g_free(s->state);
        g_free(s);
}

static bool start_server(State *state, TbIo *io, GError **error)
{
        g_autofree char *adb = g_find_program_in_path("adb"), *port = NULL;
        int waited = 0, status;

        if (adb == NULL) {
                tb_set_error(error, TB_ERROR_UNAVAILABLE,
                             "no adb server runs, and adb is not installed (apt install adb)");
                return false;
        }
        port = g_strdup_printf("%u", state->target.port);
        const char *argv[] = {adb, "-P", port, "nodaemon", "server", NULL};
        state->server = tb_child_spawn(argv, NULL, NULL, TB_CHILD_STDERR, error);
        if (state->server == NULL)
                return false;
        while (!tb_adb_server_up(io, state->target.host, state->target.port)) {
                if (tb_child_ended(state->server, &status) || waited > START_MS) {
                        tb_set_error(error, TB_ERROR_UNAVAILABLE, "the adb server did not start on port %u",
                                     state->target.port);
                        return false;
                }
                if (!tb_io_sleep(io, STEP_MS, error))
                        return false;
                waited += STEP_MS;
        }
        return true;
}

static void tell_state(State *state, const char *serial, const char *now)
{
        json_t *event = json_object();

        tb_offers_set(event, "serial", serial);
        tb_offers_set(event, "state", now);
        tb_finder_event(&state->finder, "adb.state", event);
}

/* Offers it, and adds its URI to `now`; not when it is left out. */
static void offer(State *state, const GPtrArray *devices, const TbAdbDevice *device, GHashTable *now)
{
        g_autofree char *uri = tb_adb_uri(devices, device),
                        *label = g_strdup(device->model != NULL ? device->model : device->serial),
                        *why = g_strdup_printf("the adb server lists it as \"%s\"", device->state);
        json_t *properties = json_object();

        g_strdelimit(label, "_", ' ');
        tb_offers_set(properties, "serial", device->serial);
        tb_offers_set(properties, "state", device->state);
        tb_offers_set(properties, "model", device->model);
        tb_offers_set(properties, "product", device->product);
        tb_offers_set(properties, "usb", device->usb);
        if (uri == NULL) {
                json_decref(properties);
                return;
        }
        if (!tb_offers_add(state->finder.offers, uri, label, why, properties))
                return;
        const Seen *before = g_hash_table_lookup(state->seen, uri);
        if (before == NULL || strcmp(before->state, device->state) != 0) {
                Seen *is = g_new0(Seen, 1);
                *is = (Seen){g_strdup(device->serial), g_strdup(device->state)};
                g_hash_table_insert(state->seen, g_strdup(uri), is);
                tell_state(state, device->serial, device->state);
        }
        g_hash_table_add(now, g_steal_pointer(&uri));
}

/* What was there and is not in `now` (NULL: nothing is). */
static void tell_gone(State *state, GHashTable *now)
{
        GHashTableIter iter;
        gpointer uri, seen;

        g_hash_table_iter_init(&iter, state->seen);
        while (g_hash_table_iter_next(&iter, &uri, &seen))
                if (now == NULL || !g_hash_table_contains(now, uri)) {
                        tell_state(state, ((Seen *)seen)->serial, "gone");
                        g_hash_table_iter_remove(&iter);
                }
}

static bool look(TbFinder *finder, TbIo *io, bool all, GError **error)
{
        State *state = (State *)finder;
        g_autoptr(GPtrArray) devices = tb_adb_parse_devices(state->list);
        g_autoptr(GHashTable) now = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);

        (void)io, (void)all, (void)error;
        for (guint i = 0; i < devices->len; i++)
                offer(state, devices, g_ptr_array_index(devices, i), now);
        tell_gone(state, now);
        return true;
}

/* The server's own chatter: only for people who debug. */
static void drain(TbChild *server)
{
        char chunk[1024];
        gssize n = tb_transport_read_now(tb_child_stderr(server), chunk, sizeof(chunk) - 1, NULL);

        if (n > 0) {
                chunk[n] = '\0';
                g_debug("adb server: %s", g_strchomp(chunk));
        }
}

static guint listen_to(TbFinder *finder, struct pollfd *fds)
{
        const State *state = (const State *)finder;

        fds[0] = (struct pollfd){.fd = tb_transport_fd(state->link), .events = POLLIN};
        if (state->server == NULL)
                return 1;
        fds[1] = (struct pollfd){.fd = tb_transport_fd(tb_child_stderr(state->server)), .events = POLLIN};
        return 2;
}

static bool heard(TbFinder *finder, TbIo *io, const struct pollfd *fds, bool *ret_look, GError **error)
{
        State *state = (State *)finder;
        struct pollfd more = {.fd = fds[0].fd, .events = POLLIN};
        short chatter = state->server != NULL ? fds[1].revents : 0;

        if ((chatter & POLLIN) != 0)
                drain(state->server);
        if (fds[0].revents == 0)
                return (chatter & (POLLHUP | POLLERR)) == 0 ||
                       tb_io_sleep(io, STEP_MS, error); /* it is ending: the link will say so */
        for (guint i = 0; i < LISTS; i++) {
                char *text = tb_adb_read_text(state->link, io, TB_ADB_ANSWER_MS, error);
                if (text == NULL)
                        return false;
                g_free(state->list);
                state->list = text;
                *ret_look = true;
                if (tb_io_wait(io, &more, 1, 0) != TB_WAIT_READY)
                        break;
        }
        return true;
}

static const TbFinderOps finder_ops = {.listen = listen_to, .heard = heard, .look = look};

static bool discovery_open(TbDiscovery *self, TbIo *io, GError **error)
{
        State *state = (State *)self;

        if (!tb_adb_parse_server(NULL, &state->target.host, &state->target.port, error) ||
            !tb_finder_open(&state->finder, &finder_ops, error))
                return false;
        state->seen = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, seen_free);
        bool here =
                g_str_has_prefix(state->target.host, "127.") || strcmp(state->target.host, "localhost") == 0;
        if (here && !tb_adb_server_up(io, state->target.host, state->target.port) &&
            !start_server(state, io, error))
                return false;
        state->link = tb_adb_host_service(io, &state->target, "host:track-devices-l", error);
        return state->link != NULL;
}

static void discovery_close(TbDiscovery *self)
{
        State *state = (State *)self;

        tb_finder_close(&state->finder);
        if (state->seen != NULL)
                tell_gone(state, NULL);
        g_clear_pointer(&state->seen, g_hash_table_unref);
        g_clear_pointer(&state->list, g_free);
        g_clear_pointer(&state->link, tb_transport_close);
        tb_child_free(g_steal_pointer(&state->server), 1000);
        tb_adb_target_clear(&state->target);
}

const TbDiscoveryOps tb_adb_discovery_ops = {.size = sizeof(State),
                                             .open = discovery_open,
                                             .pump = tb_finder_discovery_pump,
                                             .close = discovery_close};
