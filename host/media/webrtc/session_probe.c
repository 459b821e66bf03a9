/*
 * A browser that was killed says no goodbye, and its silence looks like that of a line that was cut for a moment. But its
 * machine knows: what comes to a port that nobody has is answered by "port unreachable" (RFC 1122 §4.1.3.1). libnice's
 * sockets are connected to nobody and hear nothing of that; one that is connected does. A firewall that answers nothing
 * leaves it at the silence.
 */
#include <errno.h>
#include <nice/agent.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "host/media/webrtc/session_private.h"

#define COMPONENT 1

/* A STUN Binding indication (RFC 8489 §5), which nobody answers. */
static const guint8 INDICATION[20] = {0x00, 0x11, 0x00, 0x00, 0x21, 0x12, 0xa4, 0x42};

bool tb_session_remote(gpointer agent, guint stream, struct sockaddr_storage *ret)
{
        NiceCandidate *local = NULL, *remote = NULL;
        if (!stream || !nice_agent_get_selected_pair(agent, stream, COMPONENT, &local, &remote) ||
            local->type == NICE_CANDIDATE_TYPE_RELAYED || remote->type == NICE_CANDIDATE_TYPE_RELAYED ||
            remote->transport != NICE_CANDIDATE_TRANSPORT_UDP)
                return false;
        memset(ret, 0, sizeof *ret);
        nice_address_copy_to_sockaddr(&remote->addr, (struct sockaddr *)ret);
        return true;
}

static bool remote_address(TbSession *session, struct sockaddr_storage *ret)
{
        g_autoptr(GObject) ice = NULL, agent = NULL;
        g_object_get(session->webrtc, "ice-agent", &ice, NULL);
        g_object_get(ice, "agent", &agent, NULL);
        return agent && tb_session_remote(agent, tb_session_stream(agent), ret);
}

int tb_probe_open(const struct sockaddr_storage *to)
{
        int fd = socket(to->ss_family, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        socklen_t size = to->ss_family == AF_INET6 ? sizeof(struct sockaddr_in6) : sizeof(struct sockaddr_in);
        if (fd >= 0 && connect(fd, (const struct sockaddr *)to, size) != 0) {
                close(fd);
                fd = -1;
        }
        return fd;
}

bool tb_probe_refused(int fd)
{
        char byte;
        if (recv(fd, &byte, 1, 0) < 0 && errno == ECONNREFUSED)
                return true;
        return send(fd, INDICATION, sizeof INDICATION, MSG_NOSIGNAL) < 0 && errno == ECONNREFUSED;
}

bool tb_session_port_is_closed(TbSession *session)
{
        struct sockaddr_storage to;
        if (session->probe < 0 && remote_address(session, &to))
                session->probe = tb_probe_open(&to);
        return session->probe >= 0 && tb_probe_refused(session->probe);
}

void tb_session_end_probe(TbSession *session)
{
        if (session->probe >= 0)
                close(session->probe);
        session->probe = -1;
}
