#include "host/vnc/slots.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "host/vnc/buttons.h"
#include "host/vnc/places.h"
#include "host/vnc/show.h"
#include "lib/descriptors.h"
#include "lib/error.h"
#include "lib/limits.h"
#include "lib/log.h"

struct TbVncSlots {
        GPtrArray *all;  /* owned TbVncSlot */
        GPtrArray *idle; /* borrowed */
        char *problem;   /* owned; NULL: none */
};

/* The pointer that viewers draw themselves: many sources have none in their picture, and a local one has no
 * latency. */
#define CURSOR_W 11
#define CURSOR_H 16
static const char cursor_black[] = "           "
                                   " x         "
                                   " xx        "
                                   " xxx       "
                                   " xxxx      "
                                   " xxxxx     "
                                   " xxxxxx    "
                                   " xxxxxxx   "
                                   " xxxxxxxx  "
                                   " xxxxx     "
                                   " xx xx     "
                                   " x  xx     "
                                   "     xx    "
                                   "     xx    "
                                   "           "
                                   "           ";
static const char cursor_mask[] = "xx         "
                                  "xxx        "
                                  "xxxx       "
                                  "xxxxx      "
                                  "xxxxxx     "
                                  "xxxxxxx    "
                                  "xxxxxxxx   "
                                  "xxxxxxxxx  "
                                  "xxxxxxxxxx "
                                  "xxxxxxxxx  "
                                  "xxxxxxx    "
                                  "xxx xxxx   "
                                  "xx  xxxx   "
                                  "     xxxx  "
                                  "      xx   "
                                  "           ";

static const char *const no_fields[] = {NULL};

static void log_debug(const char *format, ...)
{
        va_list args;
        va_start(args, format);
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral" /* the library's own formats */
        g_autofree char *text = g_strdup_vprintf(format, args);
#pragma GCC diagnostic pop
        va_end(args);
        tb_log(TB_LOG_DEBUG, no_fields, "libvncserver: %s", g_strchomp(text));
}

/* rfbCloseClient() closes the socket: before that we take the descriptor back, so that its number stays ours.
 */
static rfbBool extension_new(rfbClientPtr client, void **data)
{
        *data = NULL; /* the library would free() it */
        return client->screen->screenData != NULL;
}

static void slot_release_fd(TbVncSlot *slot)
{
        int null = open("/dev/null", O_RDWR | O_CLOEXEC);
        shutdown(slot->fd, SHUT_RDWR);
        /* without a /dev/null (no descriptors left) the dead socket goes on holding the place, which does as
         * well */
        if (null >= 0) {
                dup3(null, slot->fd, O_CLOEXEC);
                close(null);
        }
}

static void extension_close(rfbClientPtr client, void *data)
{
        (void)data;
        if (client->sock == RFB_INVALID_SOCKET)
                return;
        slot_release_fd(client->screen->screenData);
        FD_CLR(client->sock, &client->screen->allFds);
        client->sock = RFB_INVALID_SOCKET;
}

static rfbBool extension_offered(rfbClientPtr client, void **data, int encoding)
{
        TbVncSlot *slot = client->screen->screenData;
        return tb_vnc_buttons_offered(client, data, encoding) ||
               tb_vnc_places_offered(client, data, encoding) ||
               tb_vnc_aside_offered(&slot->aside, encoding) || tb_vnc_show_offered(slot, client, encoding);
}

static rfbProtocolExtension extension = {
        .newClient = extension_new, .close = extension_close, .enablePseudoEncoding = extension_offered};

static enum rfbNewClientAction accept_client(rfbClientPtr client)
{
        (void)client;
        return RFB_CLIENT_ACCEPT;
}

/* Only viewers that draw the pointer themselves get it: it is never painted into a picture, which is shared
 * and immutable. */
static rfbCursorPtr get_cursor(rfbClientPtr client)
{
        TbVncSlot *slot = client->screen->screenData;
        return slot->cursor;
}

static int refuse_size(int width, int height, int n, struct rfbExtDesktopScreen *screens,
                       struct _rfbClientRec *client)
{
        (void)width;
        (void)height;
        (void)n;
        (void)screens;
        (void)client;
        return rfbExtDesktopSize_ResizeProhibited;
}

static void slot_free(gpointer data)
{
        TbVncSlot *slot = data;
        if (slot->screen)
                rfbScreenCleanup(slot->screen);
        if (slot->cursor) {
                slot->cursor->cleanup = TRUE;
                rfbFreeCursor(slot->cursor);
        }
        tb_descriptors_low_close(slot->fd);
        g_free(slot);
}

static TbVncSlot *slot_new(GError **error)
{
        TbVncSlot *slot = g_new0(TbVncSlot, 1);
        slot->fd = tb_descriptors_low_take(open("/dev/null", O_RDWR | O_CLOEXEC), error);
        if (slot->fd < 0) {
                slot_free(slot);
                return NULL;
        }
        slot->screen = rfbGetScreen(NULL, NULL, 640, 480, 8, 3, 4);
        if (!slot->screen) {
                tb_set_error(error, TB_ERROR_INTERNAL,
                             "libvncserver made no screen for the viewer: no memory");
                slot_free(slot);
                return NULL;
        }
        slot->cursor = rfbMakeXCursor(CURSOR_W, CURSOR_H, (char *)(gpointer)cursor_black,
                                      (char *)(gpointer)cursor_mask);
        slot->cursor->xhot = slot->cursor->yhot = 0;
        slot->cursor->foreRed = slot->cursor->foreGreen = slot->cursor->foreBlue = 0;
        slot->cursor->backRed = slot->cursor->backGreen = slot->cursor->backBlue = 0xffff;

        rfbScreenInfoPtr screen = slot->screen;
        screen->screenData = slot;
        screen->cursor = NULL;
        screen->getCursorPtr = get_cursor;
        screen->newClientHook = accept_client;
        screen->setDesktopSizeHook = refuse_size;
        screen->alwaysShared = TRUE;
        screen->deferUpdateTime = 0;
        screen->deferPtrUpdateTime = 0;
        screen->maxClientWait = TB_VNC_STALL_MS;
        screen->permitFileTransfer = FALSE;
        screen->httpDir = NULL;
        screen->port = screen->ipv6port = 0;
        /* BGRX in memory on any machine: TB_PIXEL_BGRX */
        screen->serverFormat.depth = screen->depth =
                24; /* the library says 32; then ZRLE's and Tight's pixels have no short form */
        screen->serverFormat.redShift = 16;
        screen->serverFormat.greenShift = 8;
        screen->serverFormat.blueShift = 0;
        screen->serverFormat.bigEndian = G_BYTE_ORDER == G_BIG_ENDIAN;
        return slot;
}

/* A viewer comes and goes, in memory: the library takes our greeting, and the descriptor stays ours. */
static bool works(TbVncSlot *slot, GError **error)
{
        int pair[2];
        g_autoptr(GByteArray) init = g_byte_array_new();
        if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair) < 0) {
                tb_set_error(error, TB_ERROR_UNAVAILABLE, "socketpair: %s", g_strerror(errno));
                return false;
        }
        bool ok = tb_vnc_slot_adopt(slot, pair[0], init, error);
        if (ok)
                tb_vnc_slot_drop(slot);
        close(pair[1]);
        if (ok && fcntl(slot->fd, F_GETFD) < 0) {
                slot->fd = -1;
                tb_set_error(error, TB_ERROR_INTERNAL, "it closed a descriptor that is ours");
                return false;
        }
        return ok;
}

static void try_one(TbVncSlots *slots)
{
        g_autoptr(GError) error = NULL;
        if (strcmp(LIBVNCSERVER_VERSION, TB_VNC_PROVEN) != 0)
                tb_log(TB_LOG_WARNING, TB_F(),
                       "built for libvncserver " LIBVNCSERVER_VERSION "; " TB_VNC_PROVEN
                       " is what VNC was proven with");
        if (slots->all->len == 0 || works(slots->all->pdata[0], &error))
                return;
        slots->problem = g_strdup_printf("libvncserver does not do what VNC needs here: %s", error->message);
        tb_log(TB_LOG_WARNING, TB_F(), "no VNC: %s", slots->problem);
        g_ptr_array_set_size(slots->idle, 0);
}

TbVncSlots *tb_vnc_slots_new(guint n, GError **error)
{
        static gsize once;
        if (g_once_init_enter(&once)) {
                rfbLog = log_debug;
                rfbErr = log_debug;
                signal(SIGPIPE, SIG_IGN); /* the library writes with write() */
                rfbRegisterProtocolExtension(&extension);
                g_once_init_leave(&once, 1);
        }
        TbVncSlots *slots = g_new0(TbVncSlots, 1);
        slots->all = g_ptr_array_new_with_free_func(slot_free);
        slots->idle = g_ptr_array_new();
        for (guint i = 0; i < n; i++) {
                TbVncSlot *slot = slot_new(error);
                if (!slot) {
                        tb_error_prefix(error, "VNC: ");
                        tb_vnc_slots_free(slots);
                        return NULL;
                }
                g_ptr_array_add(slots->all, slot);
                g_ptr_array_add(slots->idle, slot);
        }
        try_one(slots);
        return slots;
}

const char *tb_vnc_slots_problem(const TbVncSlots *slots)
{
        return slots->problem;
}

void tb_vnc_slots_free(TbVncSlots *slots)
{
        if (!slots)
                return;
        g_assert(slots->idle->len == slots->all->len || slots->all->len == 0 || slots->problem);
        g_ptr_array_free(slots->idle, TRUE);
        g_ptr_array_free(slots->all, TRUE);
        g_free(slots->problem);
        g_free(slots);
}

TbVncSlot *tb_vnc_slots_take(TbVncSlots *slots)
{
        return slots->idle->len ? g_ptr_array_steal_index_fast(slots->idle, slots->idle->len - 1) : NULL;
}

void tb_vnc_slots_give(TbVncSlots *slots, TbVncSlot *slot)
{
        g_assert(!slot->client);
        slot->user = NULL;
        g_ptr_array_add(slots->idle, slot);
}

guint tb_vnc_slots_idle(const TbVncSlots *slots)
{
        return slots->idle->len;
}

static bool write_all(int fd, const void *data, gsize size)
{
        return send(fd, data, size, MSG_NOSIGNAL) == (ssize_t)size;
}

/* Everything that the library said so far; our end does not block. */
static void read_all(int fd, GByteArray *into)
{
        guint8 buf[1024];
        ssize_t n;
        while ((n = recv(fd, buf, sizeof buf, 0)) > 0)
                g_byte_array_append(into, buf, (guint)n);
}

#define GREETING "RFB 003.008\n\x01\x01" /* version, security type None, ClientInit: shared */
#define SKIP (12 + 2 + 4)                /* the library's version, list of security types, result */

bool tb_vnc_slot_adopt(TbVncSlot *slot, int fd, GByteArray *ret_init, GError **error)
{
        int pair[2];
        slot->buttons = slot->tell_buttons = slot->places = slot->tell_places = false;
        slot->aside = (TbVncAside){0};
        slot->film = false;
        if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair) < 0) {
                tb_set_error(error, TB_ERROR_UNAVAILABLE, "socketpair: %s", g_strerror(errno));
                close(fd);
                return false;
        }
        dup3(pair[0], slot->fd, O_CLOEXEC);
        close(pair[0]);
        bool ok = write_all(pair[1], GREETING, sizeof GREETING - 1);
        slot->client = ok ? rfbNewClient(slot->screen, slot->fd) : NULL;
        for (int i = 0; ok && slot->client && i < 3 && slot->client->sock != RFB_INVALID_SOCKET; i++)
                rfbProcessClientMessage(slot->client);
        ok = ok && slot->client && slot->client->state == RFB_NORMAL &&
             slot->client->sock != RFB_INVALID_SOCKET;
        if (ok) {
                read_all(pair[1], ret_init);
                ok = ret_init->len > SKIP;
        }
        if (ok) {
                g_byte_array_remove_range(ret_init, 0, SKIP);
                dup3(fd, slot->fd, O_CLOEXEC);
        } else {
                tb_set_error(error, TB_ERROR_INTERNAL, "libvncserver did not accept its own greeting");
                tb_vnc_slot_drop(slot);
        }
        close(fd);
        close(pair[1]);
        return ok;
}

bool tb_vnc_slot_say(TbVncSlot *slot, gint32 encoding)
{
        guint8 update[sz_rfbFramebufferUpdateMsg + sz_rfbFramebufferUpdateRectHeader] = {rfbFramebufferUpdate,
                                                                                         0, 0, 1};
        const guint32 number = GUINT32_TO_BE((guint32)encoding);
        memcpy(update + sizeof update - sizeof number, &number, sizeof number);
        return rfbWriteExact(slot->client, (const char *)update, sizeof update) > 0;
}

bool tb_vnc_slot_send(const TbVncSlot *slot, const guint8 *bytes, gsize size)
{
        while (size > 0) {
                ssize_t n = send(slot->fd, bytes, size, MSG_NOSIGNAL);
                if (n < 0 && errno == EAGAIN) {
                        struct pollfd p = {.fd = slot->fd, .events = POLLOUT};
                        if (poll(&p, 1, TB_VNC_STALL_MS) > 0)
                                continue;
                }
                if (n <= 0)
                        return false;
                bytes += n;
                size -= (gsize)n;
        }
        return true;
}

bool tb_vnc_slot_announce(TbVncSlot *slot)
{
        return tb_vnc_buttons_announce(slot) && tb_vnc_places_announce(slot) &&
               tb_vnc_aside_announce(&slot->aside, slot->client);
}

void tb_vnc_slot_drop(TbVncSlot *slot)
{
        if (slot->client) {
                if (slot->client->sock != RFB_INVALID_SOCKET)
                        rfbCloseClient(slot->client);
                while (slot->client->extensions) { /* the library forgets to free its records, also in
                                                      rfbDisableExtension() */
                        rfbExtensionData *record = slot->client->extensions;
                        slot->client->extensions = record->next;
                        free(record);
                }
                rfbClientConnectionGone(slot->client);
                slot->client = NULL;
        }
        slot_release_fd(slot);
}
