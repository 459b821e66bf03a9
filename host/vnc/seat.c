#include "host/vnc/seat.h"

#include <string.h>

#include "host/media/hub/hub.h"
#include "host/vnc/keys.h"
#include "host/vnc/viewer.h"
#include "lib/clock.h"
#include "lib/error.h"
#include "lib/limits.h"
#include "lib/log.h"
#include "lib/thread.h"

#define REFUSED_LOG_US (10 * G_USEC_PER_SEC) /* a line at most so often for input that core refuses */

typedef struct Screen {      /* the viewers of one hub */
        TbHub *hub;          /* ref */
        TbHubSink *sink;     /* owned */
        TbVncScreen *screen; /* owned */
        TbVncFilm *film;     /* owned */
        guint viewers;
} Screen;

struct TbVncSeats {
        TbCore *core;       /* borrowed */
        TbMedia *media;     /* borrowed */
        TbVncSlots *slots;  /* owned */
        GPtrArray *seats;   /* owned Seat */
        GPtrArray *leaving; /* owned Seat: the viewer is gone, its last keys are still coming up */
        GPtrArray *screens; /* owned Screen */
        TbPlaces places;
        guint bus;    /* subscription */
        guint64 next; /* viewer number */
};

typedef struct Seat {
        TbVncSeats *seats;   /* borrowed */
        TbVncSlot *slot;     /* borrowed from the slots */
        Screen *screen;      /* borrowed, counted in screen->viewers */
        TbVncViewer *viewer; /* owned */
        TbVncTicket *ticket; /* owned */
        TbRole role;
        char *id;   /* owned: "vnc-7" */
        char *peer; /* owned */
        TbPlace place;
        TbPresent *present; /* owned */
        gint64 since_ms;
        TbVncInputState input;
        json_t *pending;    /* owned: input events while a command is on its way */
        TbCommand *command; /* borrowed; NULL: none */
        TbCommand *copying; /* borrowed: what the viewer copied is on its way; NULL: nothing is */
        bool busy;          /* `on_sent` is to come */
        bool left;          /* in `leaving` */
        gint64 refused_us;
} Seat;

TbVncTicket *tb_vnc_ticket_new(TbInterface *iface, const char *user, const char *lease)
{
        TbVncTicket *ticket = g_new0(TbVncTicket, 1);
        ticket->device = g_strdup(tb_device_id(tb_interface_device(iface)));
        ticket->interface = g_strdup(tb_interface_name(iface));
        ticket->user = g_strdup(user);
        ticket->lease = g_strdup(lease);
        return ticket;
}

void tb_vnc_ticket_free(TbVncTicket *ticket)
{
        if (!ticket)
                return;
        g_free(ticket->device);
        g_free(ticket->interface);
        g_free(ticket->user);
        g_free(ticket->lease);
        g_free(ticket);
}

/* --- screens --- */
static void screen_free(gpointer data)
{
        Screen *screen = data;
        tb_hub_remove_sink(screen->sink);
        tb_vnc_film_free(screen->film);
        tb_vnc_screen_free(screen->screen);
        tb_hub_unref(screen->hub);
        g_free(screen);
}

static Screen *screen_of(TbVncSeats *seats, TbHub *hub, GError **error)
{
        for (guint i = 0; i < seats->screens->len; i++) {
                Screen *screen = g_ptr_array_index(seats->screens, i);
                if (screen->hub == hub)
                        return screen;
        }
        TbVncScreen *shared = tb_vnc_screen_new(tb_hub_device(hub), error);
        if (!shared)
                return NULL;
        Screen *screen = g_new0(Screen, 1);
        screen->hub = tb_hub_ref(hub);
        screen->screen = shared;
        screen->film = tb_vnc_film_new(seats->media, hub);
        screen->sink = tb_hub_add_sink(hub, true, tb_vnc_screen_push, screen->screen);
        g_ptr_array_add(seats->screens, screen);
        return screen;
}

/* --- as whom, and where --- */
static TbActor actor_of(const Seat *seat)
{
        return (TbActor){.user = seat->ticket->user,
                         .role = seat->role,
                         .lease = seat->ticket->lease,
                         .via = "vnc",
                         .request = seat->id,
                         .who = seat->id};
}

static TbInterface *keyboard_of(const Seat *seat)
{
        TbDevice *device = tb_core_device(seat->seats->core, seat->ticket->device, NULL);
        return device ? tb_device_interface_of(device, TB_KIND_INPUT) : NULL;
}

/* --- input --- */
static void send_pending(Seat *seat);
static void take_input(Seat *seat);

static void on_sent(json_t *result, const GError *error, gpointer user)
{
        (void)result;
        Seat *seat = user;
        seat->busy = false;
        seat->command = NULL;
        gint64 now = g_get_monotonic_time();
        if (error && now - seat->refused_us > REFUSED_LOG_US) {
                seat->refused_us = now;
                tb_log(TB_LOG_INFO, TB_F("device", seat->ticket->device, "session", seat->id),
                       "VNC input was refused: %s", error->message);
        }
        take_input(seat);
        send_pending(seat);
        if (seat->left && !seat->busy)
                g_ptr_array_remove_fast(seat->seats->leaving, seat);
}

/* One command at a time per viewer: what comes meanwhile waits and goes as one batch, so a slow device sees
 * the newest pointer, not a backlog of moves. */
static void send_pending(Seat *seat)
{
        if (seat->busy || json_array_size(seat->pending) == 0)
                return;
        TbInterface *iface = keyboard_of(seat);
        json_t *events = tb_vnc_input_take(seat->pending, TB_LIMIT_INPUT_EVENTS);
        if (iface) {
                const TbActor actor = actor_of(seat);
                g_autofree char *verb = g_strdup_printf("%s.send", tb_interface_name(iface));
                json_t *params = json_pack("{s:O}", "events", events);
                seat->busy = true;
                seat->command = tb_core_command(seat->seats->core, &actor, seat->ticket->device, verb, params,
                                                NULL, on_sent, seat);
                json_decref(params);
        }
        json_decref(events);
}

/* What one command may have is taken of the viewer; the rest stays with its thread, and then in its socket: a burst waits,
 * and nothing of it is given up. */
static void take_input(Seat *seat)
{
        if (!seat->viewer || json_array_size(seat->pending) >= TB_LIMIT_INPUT_EVENTS)
                return;
        g_autoptr(GArray) inputs = tb_vnc_viewer_take(seat->viewer);
        json_t *list = json_array(), *event;
        size_t i;
        tb_vnc_input_json(&seat->input, inputs->len ? &g_array_index(inputs, TbVncInput, 0) : NULL,
                          inputs->len, list);
        json_array_foreach (list, i, event)
                tb_vnc_input_queue(seat->pending, event);
        json_decref(list);
}

static void on_input(TbVncViewer *viewer G_GNUC_UNUSED, gpointer data)
{
        Seat *seat = data;
        take_input(seat);
        send_pending(seat);
}

/* --- the clipboard, both ways: for who may type --- */
static void copy_next(Seat *seat);

static void on_copied(json_t *result G_GNUC_UNUSED, const GError *error, gpointer user)
{
        Seat *seat = user;
        seat->copying = NULL;
        if (error)
                tb_log(TB_LOG_DEBUG, TB_F("device", seat->ticket->device, "session", seat->id),
                       "what a VNC viewer copied was refused: %s", error->message);
        copy_next(seat);
}

static void copy_next(Seat *seat)
{
        g_autofree char *text = seat->viewer && !seat->copying ? tb_vnc_viewer_take_clip(seat->viewer) : NULL;
        TbInterface *iface = text ? keyboard_of(seat) : NULL;
        const TbInputOps *ops = iface ? tb_interface_ops(iface) : NULL;
        if (!ops || !ops->copy)
                return;
        const TbActor actor = actor_of(seat);
        g_autofree char *verb = g_strdup_printf("%s.copy", tb_interface_name(iface));
        json_auto_t *params = json_pack("{s:s}", "text", text);
        seat->copying = tb_core_command(seat->seats->core, &actor, seat->ticket->device, verb, params, NULL,
                                        on_copied, seat);
}

static void on_clip(TbVncViewer *viewer G_GNUC_UNUSED, gpointer data)
{
        copy_next(data);
}

/* Not back to who gave it. */
static void tell_copied(Seat *seat, const TbEvent *event)
{
        TbInterface *iface = keyboard_of(seat);
        const TbActor actor = actor_of(seat);
        if (!iface || strcmp(seat->ticket->device, event->device) != 0 ||
            g_strcmp0(tb_interface_name(iface), event->interface) != 0 ||
            g_strcmp0(json_string_value(json_object_get(event->data, "by")), seat->id) == 0 ||
            !tb_core_may_control(tb_interface_device(iface), &actor))
                return;
        const char *text = tb_interface_clipboard(iface);
        if (text)
                tb_vnc_viewer_clip(seat->viewer, text);
}

/* --- seats --- */
static void publish(Seat *seat, const char *type, const char *reason)
{
        json_t *data = json_pack("{s:s, s:s, s:s, s:s, s:s, s:s*}", "via", "vnc", "viewer", seat->id, "peer",
                                 seat->peer, "user", seat->ticket->user, "mode",
                                 seat->role >= TB_ROLE_OPERATOR ? "control" : "view", "reason", reason);
        tb_bus_publish_share(tb_core_bus(seat->seats->core), TB_BUS_VIEWERS, type, seat->ticket->device,
                             seat->ticket->interface, data);
}

/* Gives back what only a present viewer needs. */
static void leave(Seat *seat)
{
        TbVncSeats *seats = seat->seats;
        if (!seat->viewer)
                return;
        tb_vnc_viewer_free(g_steal_pointer(&seat->viewer));
        tb_vnc_slots_give(seats->slots, g_steal_pointer(&seat->slot));
        tb_place_give(&seat->place);
        if (--seat->screen->viewers == 0)
                g_ptr_array_remove_fast(seats->screens, seat->screen);
        seat->screen = NULL;
        tb_core_absent(g_steal_pointer(&seat->present));
}

static void seat_free(gpointer data)
{
        Seat *seat = data;
        leave(seat);
        if (seat->command)
                tb_command_cancel(seat->command);
        if (seat->copying)
                tb_command_cancel(seat->copying);
        tb_core_left(seat->seats->core, seat->id);
        json_decref(seat->pending);
        tb_vnc_ticket_free(seat->ticket);
        tb_place_give(&seat->place);
        g_free(seat->id);
        g_free(seat->peer);
        g_free(seat);
}

static void log_end(Seat *seat, const char *reason)
{
        TbVncViewerStats stats;
        tb_vnc_viewer_get_stats(seat->viewer, &stats);
        g_autofree char *ms = g_strdup_printf(
                "%.1f", stats.updates ? (double)stats.encode_us / 1000.0 / (double)stats.updates : 0.0);
        tb_log(TB_LOG_INFO,
               TB_F("device", seat->ticket->device, "session", seat->id, "peer", seat->peer, "ms_per_update",
                    ms),
               "VNC viewer left after %" G_GINT64_FORMAT " s and %" G_GUINT64_FORMAT " updates: %s",
               (tb_clock_mono_ms() - seat->since_ms) / 1000, stats.updates, reason);
}

/* What it had sent is still typed; then what it holds comes up. */
static void on_gone(TbVncViewer *viewer, const char *reason, gpointer data)
{
        (void)viewer;
        Seat *seat = data;
        TbVncSeats *seats = seat->seats;
        log_end(seat, reason);
        publish(seat, "viewer.left", reason);
        take_input(seat);
        send_pending(seat);
        if (!seat->busy) {
                g_ptr_array_remove_fast(seats->seats, seat);
                return;
        }
        leave(seat);
        seat->left = true;
        guint at = 0;
        g_ptr_array_find(seats->seats, seat, &at);
        g_ptr_array_add(seats->leaving, g_ptr_array_steal_index_fast(seats->seats, at));
}

static const TbVncViewerOps viewer_ops = {.input = on_input, .clip = on_clip, .gone = on_gone};

static TbPlaceBy by_of(const char *user, const char *peer, TbRole role)
{
        return (TbPlaceBy){.user = user && !g_str_has_prefix(user, "vnc:") ? user : NULL,
                           .peer = peer,
                           .watches = role < TB_ROLE_OPERATOR};
}

/* Nothing was taken: what was begun for it is given back. */
static bool refuse(TbVncSeats *seats, const TbVncGuest *guest, Screen *screen, TbVncSlot *slot,
                   TbPlace *place, const GError *error)
{
        tb_log(TB_LOG_WARNING, TB_F("peer", guest->peer), "VNC viewer refused: %s",
               error ? error->message : "its device or its place is gone");
        if (slot)
                tb_vnc_slots_give(seats->slots, slot);
        if (screen && screen->viewers == 0)
                g_ptr_array_remove_fast(seats->screens, screen);
        tb_place_give(place);
        return false;
}

bool tb_vnc_seats_take(TbVncSeats *seats, const TbVncGuest *guest)
{
        TbVncTicket *ticket = guest->purpose;
        g_autoptr(GError) error = NULL;
        TbPlace place = {0};
        TbHub *hub =
                ticket ? tb_media_find_hub(seats->media, ticket->device, ticket->interface, &error) : NULL;
        const TbPlaceBy by = by_of(ticket ? ticket->user : NULL, guest->peer, guest->role);
        Screen *screen = hub && tb_place_take(&seats->places, &by, &place, &error)
                                 ? screen_of(seats, hub, &error)
                                 : NULL;
        TbVncSlot *slot = screen ? tb_vnc_slots_take(seats->slots) : NULL;
        if (!slot)
                return refuse(seats, guest, screen, NULL, &place, error);
        TbDevice *device = tb_core_device(seats->core, ticket->device, NULL);
        const char *label = device && tb_device_label(device) ? tb_device_label(device) : ticket->device;
        g_autofree char *name = g_strdup_printf("%s (%s)", label, tb_core_config(seats->core)->name);

        Seat *seat = g_new0(Seat, 1);
        seat->seats = seats;
        seat->slot = slot;
        seat->role = guest->role;
        seat->ticket = g_new0(TbVncTicket, 1);
        *seat->ticket = (TbVncTicket){g_strdup(ticket->device), g_strdup(ticket->interface),
                                      g_strdup(ticket->user), g_strdup(ticket->lease)};
        seat->id = g_strdup_printf("vnc-%" G_GUINT64_FORMAT, ++seats->next);
        seat->peer = g_strdup(guest->peer);
        seat->since_ms = tb_clock_mono_ms();
        seat->pending = json_array();
        seat->viewer = tb_vnc_viewer_new(slot, guest->fd, screen->screen, screen->film, name,
                                         guest->role < TB_ROLE_OPERATOR, &viewer_ops, seat, &error);
        if (!seat->viewer) {
                seat_free(seat);
                return refuse(seats, guest, screen, slot, &place, error);
        }
        seat->place = place;
        seat->screen = screen;
        screen->viewers++;
        g_ptr_array_add(seats->seats, seat);
        seat->present = tb_core_present(
                device,
                &(TbPresence){.user = ticket->user, .peer = seat->peer, .role = guest->role, .by = "vnc"});
        tb_log(TB_LOG_INFO, TB_F("device", ticket->device, "session", seat->id, "peer", seat->peer),
               "VNC viewer joined to %s", guest->role < TB_ROLE_OPERATOR ? "watch" : "control");
        publish(seat, "viewer.joined", NULL);
        return true;
}

static void on_event(const TbEvent *event, gpointer user)
{
        TbVncSeats *seats = user;
        bool copied = strcmp(event->type, "input.clipboard") == 0;
        if ((!copied && strcmp(event->type, "device.removed") != 0) || !event->device)
                return;
        for (guint i = 0; copied && i < seats->seats->len; i++)
                tell_copied(g_ptr_array_index(seats->seats, i), event);
        for (guint i = 0; !copied && i < seats->seats->len; i++) {
                Seat *seat = g_ptr_array_index(seats->seats, i);
                if (strcmp(seat->ticket->device, event->device) == 0)
                        tb_vnc_viewer_stop(seat->viewer);
        }
}

TbVncSeats *tb_vnc_seats_new(TbCore *core, TbMedia *media, GError **error)
{
        TbVncSlots *slots = tb_vnc_slots_new(TB_LIMIT_VNC_CLIENTS, error);
        if (!slots)
                return NULL;
        TbVncSeats *seats = g_new0(TbVncSeats, 1);
        seats->core = core;
        seats->media = media;
        seats->slots = slots;
        tb_places_init(&seats->places, "VNC viewers", TB_LIMIT_VNC_CLIENTS);
        seats->seats = g_ptr_array_new_with_free_func(seat_free);
        seats->leaving = g_ptr_array_new_with_free_func(seat_free);
        seats->screens = g_ptr_array_new_with_free_func(screen_free);
        seats->bus = tb_bus_subscribe(tb_core_bus(core), on_event, seats);
        return seats;
}

void tb_vnc_seats_free(TbVncSeats *seats)
{
        if (!seats)
                return;
        tb_bus_unsubscribe(tb_core_bus(seats->core), seats->bus);
        /* ask all first: their ends then run side by side */
        for (guint i = 0; i < seats->seats->len; i++)
                tb_vnc_viewer_stop(((Seat *)g_ptr_array_index(seats->seats, i))->viewer);
        g_ptr_array_free(seats->seats, TRUE);
        g_ptr_array_free(seats->leaving, TRUE);
        g_ptr_array_free(seats->screens, TRUE);
        tb_vnc_slots_free(seats->slots);
        tb_places_clear(&seats->places);
        g_free(seats);
}

const char *tb_vnc_seats_problem(const TbVncSeats *seats)
{
        return tb_vnc_slots_problem(seats->slots);
}

bool tb_vnc_seats_room(TbVncSeats *seats, const char *user, const char *peer, GError **error)
{
        TbPlace place;
        const TbPlaceBy by = by_of(user, peer, TB_ROLE_OPERATOR); /* who it is, shows later */
        bool room = tb_place_take(&seats->places, &by, &place, error);
        tb_place_give(&place);
        if (room && tb_vnc_slots_idle(seats->slots) == 0) {
                room = false;
                tb_set_error(error, TB_ERROR_LIMIT, "the last ones are still leaving");
        }
        if (!room)
                tb_error_prefix(error, "too many viewers: ");
        return room;
}
