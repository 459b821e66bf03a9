#include "host/phone/call.h"

#include <string.h>

typedef enum Connection { NONE, CALLING, CONNECTED } Connection;

struct TbPhoneCall {
        const TbPhoneCallOps *ops; /* static */
        gpointer data;
        bool session, joined; /* there is one; its socket was asked for */
        bool ready;           /* the server has taken us */
        bool was_ready;       /* … in this session */
        bool phone;           /* it is at the server */
        bool came, there;
        bool over; /* the server's last word was that the session has ended */
        Connection connection;
        gint64 ask_at_ms, call_at_ms, pause_ms, since_ms;
        gint64 heard_ms;  /* by a channel */
        gint64 probed_ms; /* asked whether it is the page that we are connected with; 0: not */
};

const char *tb_phone_state_name(TbPhoneState state)
{
        static const char *const names[] = {"asking",  "joining",    "server-away",
                                            "waiting", "connecting", "connected"};
        return names[state];
}

/* --- what it is --- */
TbPhoneState tb_phone_call_state(const TbPhoneCall *call)
{
        if (call->connection == CONNECTED)
                return TB_PHONE_CONNECTED;
        if (!call->session)
                return TB_PHONE_ASKING;
        if (!call->ready)
                return call->was_ready ? TB_PHONE_AWAY : TB_PHONE_JOINING;
        return call->phone ? TB_PHONE_CALLING : TB_PHONE_WAITING;
}

bool tb_phone_call_there(const TbPhoneCall *call)
{
        return call->connection == CONNECTED || (call->ready && call->phone);
}

bool tb_phone_call_came(const TbPhoneCall *call)
{
        return call->came;
}

gint64 tb_phone_call_since_ms(const TbPhoneCall *call)
{
        return call->since_ms;
}

static void changed(TbPhoneCall *call, gint64 now_ms)
{
        bool there = tb_phone_call_there(call);
        if (there != call->there)
                call->since_ms = now_ms;
        call->there = there;
        call->came |= there;
        call->ops->changed(call->data);
}

TbPhoneCall *tb_phone_call_new(const TbPhoneCallOps *ops, gpointer data, bool session, bool came,
                               gint64 now_ms)
{
        TbPhoneCall *call = g_new0(TbPhoneCall, 1);
        call->ops = ops;
        call->data = data;
        call->session = session;
        call->came = session && came;
        call->ask_at_ms = call->since_ms = now_ms;
        call->pause_ms = TB_CALL_AGAIN_MIN_MS;
        return call;
}

void tb_phone_call_free(TbPhoneCall *call)
{
        g_free(call);
}

/* --- the connection --- */
static void hang_up(TbPhoneCall *call, const char *why)
{
        if (call->connection != NONE)
                call->ops->hang_up(why, call->data);
        call->connection = NONE;
        call->probed_ms = 0;
}

static void call_soon(TbPhoneCall *call, gint64 now_ms)
{
        call->call_at_ms = now_ms;
        call->pause_ms = TB_CALL_AGAIN_MIN_MS;
}

/* Is it still the page that we are connected with? Its channel says so; else it has gone, or was loaded anew. */
static void probe(TbPhoneCall *call, gint64 now_ms)
{
        if (call->connection != CONNECTED)
                return;
        call->probed_ms = now_ms;
        call->ops->probe(call->data);
}

static void phone_came(TbPhoneCall *call, gint64 now_ms)
{
        call->phone = true;
        call_soon(call, now_ms);
        if (call->connection == CALLING)
                hang_up(call, "the phone has come anew");
        probe(call, now_ms);
}

void tb_phone_call_connected(TbPhoneCall *call, gint64 now_ms)
{
        if (call->connection == NONE)
                return;
        call->connection = CONNECTED;
        call->heard_ms = now_ms;
        call->pause_ms = TB_CALL_AGAIN_MIN_MS;
        changed(call, now_ms);
}

void tb_phone_call_heard(TbPhoneCall *call, gint64 now_ms)
{
        call->heard_ms = now_ms;
        if (call->connection == CONNECTED)
                call->probed_ms = 0;
}

void tb_phone_call_closed(TbPhoneCall *call, gint64 now_ms)
{
        bool was = call->connection == CONNECTED;
        call->connection = NONE;
        call->probed_ms = 0;
        call->call_at_ms = now_ms + (was ? 0 : call->pause_ms);
        if (!was)
                call->pause_ms = MIN(2 * call->pause_ms, TB_CALL_AGAIN_MAX_MS);
        changed(call, now_ms);
}

/* --- the server --- */
void tb_phone_call_session(TbPhoneCall *call, gint64 now_ms)
{
        call->session = true;
        call->was_ready = false;
        changed(call, now_ms);
}

void tb_phone_call_server(TbPhoneCall *call, gint64 now_ms)
{
        if (!call->session)
                call->ask_at_ms = now_ms;
}

void tb_phone_call_opened(TbPhoneCall *call)
{
        call->over = false;
        call->ops->hello(call->data);
}

void tb_phone_call_lost(TbPhoneCall *call, bool final, gint64 now_ms)
{
        bool over = final && call->over;
        call->ready = call->phone = call->over = false;
        if (call->connection == CALLING)
                hang_up(call, "the server is away");
        if (over) {
                hang_up(call, "its session has ended");
                call->session = call->joined = call->came = false;
                call->ask_at_ms = now_ms;
                call->ops->join(false, call->data);
                call->ops->forget(call->data);
        }
        changed(call, now_ms);
}

static bool ends_session(const char *code)
{
        static const char *const codes[] = {"unauthorized", "session-ended", "session-expired", NULL};
        return code && g_strv_contains(codes, code);
}

static void is_ready(TbPhoneCall *call, const TbSaid *said, gint64 now_ms)
{
        call->ready = call->was_ready = true;
        call->ops->settled(call->data);
        if (said->phone)
                phone_came(call, now_ms);
}

void tb_phone_call_said(TbPhoneCall *call, const TbSaid *said, gint64 now_ms)
{
        switch (said->type) {
        case TB_SAID_READY: is_ready(call, said, now_ms); break;
        case TB_SAID_CAME: phone_came(call, now_ms); break;
        case TB_SAID_LEFT:
                call->phone = false;
                if (call->connection == CALLING)
                        hang_up(call, "the phone has left");
                probe(call, now_ms); /* its line to the server may be what broke */
                break;
        case TB_SAID_ERROR: call->over = ends_session(said->code); return;
        case TB_SAID_BYE: hang_up(call, "the phone ended it"); break;
        case TB_SAID_PING: call->ops->pong(said->t, call->data); return;
        case TB_SAID_ANSWER:
                if (call->connection == CALLING)
                        call->ops->accept(said->sdp, call->data);
                return;
        case TB_SAID_ICE:
                if (call->connection != NONE)
                        call->ops->candidate(said->candidate, call->data);
                return;
        case TB_SAID_PONG:
        case TB_SAID_OTHER:
        case TB_SAID_VALUES_OF:
        case TB_SAID_EVENT:
        case TB_SAID_SWITCH:
        case TB_SAID_ALIVE: return;
        }
        changed(call, now_ms);
}

/* --- time --- */
static bool is_due(gint64 at_ms, gint64 now_ms, gint64 *next_ms)
{
        if (now_ms >= at_ms)
                return true;
        *next_ms = MIN(*next_ms, at_ms);
        return false;
}

static void make_call(TbPhoneCall *call, gint64 now_ms)
{
        call->connection = call->ops->call(call->data) ? CALLING : NONE;
        if (call->connection == CALLING)
                return;
        call->call_at_ms = now_ms + call->pause_ms;
        call->pause_ms = MIN(2 * call->pause_ms, TB_CALL_AGAIN_MAX_MS);
}

gint64 tb_phone_call_tick(TbPhoneCall *call, gint64 now_ms)
{
        gint64 next = now_ms + TB_CALL_AGAIN_MAX_MS;
        if (!call->session && is_due(call->ask_at_ms, now_ms, &next)) {
                call->ask_at_ms = now_ms + TB_CALL_ASK_MS;
                call->ops->ask(call->data);
                next = MIN(next, call->ask_at_ms);
        }
        if (call->session && !call->joined) {
                call->joined = true;
                call->ops->join(true, call->data);
        }
        if (call->probed_ms && is_due(call->probed_ms + TB_CALL_ALIVE_MS, now_ms, &next)) {
                hang_up(call, "the phone's page was closed, or loaded anew");
                changed(call, now_ms);
        }
        if (call->ready && call->phone && call->connection == NONE &&
            is_due(call->call_at_ms, now_ms, &next)) {
                make_call(call, now_ms);
                if (call->connection == NONE)
                        next = MIN(next, call->call_at_ms);
        }
        return next;
}
