/* SPDX-License-Identifier: MIT */
/* See tcpwindow.h. lwIP opens its window by what was read, so that one which is made smaller once
 * stays so; but it tells the peer only of steps that are larger than small windows, which is done
 * here. Source: RFC 9293 3.8.6, tcp(7), socket(7). */
#include "net/tcpwindow.h"

#include <lwip/priv/tcp_priv.h>

#include "kernel/base/string.h"

#define MSS_OPTION 2 /* its kind; lwIP puts it first */
#define MSS_OPTION_LEN 4
#define RECVED_MAX 0xffffU /* tcp_recved's */

/* Bytes; as Linux a buffer counts by half. */
static uint32_t window_of(const struct tcp_socket *t)
{
    uint32_t most = TCP_WND;
    if (t->s.options.receive_chosen) {
        most = min(most, t->s.options.receive_buffer / 2);
    }
    return t->values.window_clamp != 0 ? min(most, t->values.window_clamp) : most;
}

void tcpwindow_tell_locked(const struct tcp_socket *t, struct tcp_hdr *header)
{
    uint8_t *option = (uint8_t *)(header + 1);
    uint32_t window = window_of(t);
    if (lwip_ntohs(header->wnd) > window) { /* not scaled yet */
        header->wnd = lwip_htons((uint16_t)window);
    }
    if (t->values.max_segment != 0 && option[0] == MSS_OPTION && option[1] == MSS_OPTION_LEN) {
        uint16_t mss;
        memcpy(&mss, option + 2, sizeof(mss));
        mss = lwip_htons((uint16_t)min((uint32_t)lwip_ntohs(mss), t->values.max_segment));
        memcpy(option + 2, &mss, sizeof(mss));
    }
}

void tcpwindow_open_locked(struct tcp_socket *t)
{
    struct tcp_pcb *pcb = t->pcb;
    t->window = window_of(t);
    if (t->window < pcb->rcv_wnd) {
        pcb->rcv_wnd = pcb->rcv_ann_wnd = t->window;
        pcb->rcv_ann_right_edge = pcb->rcv_nxt + t->window;
    }
    if (t->values.max_segment != 0) {
        pcb->mss = (u16_t)min((uint32_t)pcb->mss, t->values.max_segment);
    }
}

void tcpwindow_read_locked(struct tcp_socket *t, size_t len)
{
    struct tcp_pcb *pcb = t->pcb;
    while (len != 0) {
        uint16_t part = (uint16_t)min(len, RECVED_MAX);
        tcp_recved(pcb, part);
        len -= part;
    }
    if (t->window < TCP_WND && pcb->rcv_wnd - pcb->rcv_ann_wnd >= t->window / 2) {
        pcb->rcv_ann_wnd = pcb->rcv_wnd;
        tcp_ack_now(pcb);
        (void)tcp_output(pcb);
    }
}
