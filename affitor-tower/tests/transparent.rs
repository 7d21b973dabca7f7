//! Behind the layer a handler reads what it would read without it: bytes, trailers, errors, hints, ends.

use std::{
    collections::{HashMap, VecDeque},
    convert::Infallible,
    pin::{Pin, pin},
    task::{Context, Poll, Waker},
};

use affitor_tower::{ClickId, ClickIdLayer, Sources};
use bytes::Bytes;
use http::{HeaderMap, Request};
use http_body::{Body, Frame, SizeHint};
use proptest::prelude::*;
use tower::{Layer, Service, service_fn};

/// A body that does what a script says.
#[derive(Clone, Debug)]
struct Script {
    steps: VecDeque<Step>,
    length: Length,
    knows_its_end: bool,
    past_the_end: PastTheEnd,
    ended: bool,
}

#[derive(Clone, Debug, PartialEq)]
enum Step {
    Data(Vec<u8>),
    Pending,
    Trailers,
    Error,
}

#[derive(Clone, Copy, Debug)]
enum Length {
    Exact,
    Unknown,
    AtLeast(u64),
    AtMost(u64),
}

#[derive(Clone, Copy, Debug)]
enum PastTheEnd {
    Nothing,
    Error,
}

impl Script {
    fn left(&self) -> u64 {
        self.steps.iter().map(|step| if let Step::Data(data) = step { data.len() as u64 } else { 0 }).sum()
    }
}

impl Body for Script {
    type Data = Bytes;
    type Error = &'static str;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, &'static str>>> {
        match self.steps.pop_front() {
            Some(Step::Data(data)) => Poll::Ready(Some(Ok(Frame::data(data.into())))),
            Some(Step::Pending) => {
                cx.waker().wake_by_ref();
                Poll::Pending
            }
            Some(Step::Trailers) => {
                let mut trailers = HeaderMap::new();
                trailers.insert("x-checksum", "1".parse().unwrap());
                Poll::Ready(Some(Ok(Frame::trailers(trailers))))
            }
            Some(Step::Error) => Poll::Ready(Some(Err("broken off"))),
            None if !self.ended => {
                self.ended = true;
                Poll::Ready(None)
            }
            None => match self.past_the_end {
                PastTheEnd::Nothing => Poll::Ready(None),
                PastTheEnd::Error => Poll::Ready(Some(Err("asked past the end"))),
            },
        }
    }

    fn is_end_stream(&self) -> bool {
        self.knows_its_end && self.steps.is_empty()
    }

    fn size_hint(&self) -> SizeHint {
        let mut hint = SizeHint::new();
        match self.length {
            Length::Exact => hint.set_exact(self.left()),
            Length::Unknown => {}
            Length::AtLeast(lower) => hint.set_lower(lower.min(self.left())),
            Length::AtMost(more) => hint.set_upper(self.left() + more),
        }
        hint
    }
}

/// What a reader saw.
#[derive(Debug, Default, PartialEq)]
struct Seen {
    bytes: Vec<u8>,
    /// Everything but data, in its order, with the offset at which it came; and what three more questions gave.
    rest: Vec<(usize, String)>,
    /// What the body said of itself at each offset.
    said: HashMap<usize, Vec<(bool, u64, Option<u64>)>>,
}

fn read(body: impl Body<Data = Bytes, Error = &'static str>) -> Seen {
    let mut body = pin!(body);
    let mut seen = Seen::default();
    let mut cx = Context::from_waker(Waker::noop());
    let mut ends = 0;
    while ends < 4 {
        let hint = body.size_hint();
        let said = (body.is_end_stream(), hint.lower(), hint.upper());
        if ends == 0 {
            seen.said.entry(seen.bytes.len()).or_default().push(said);
        }
        let at = seen.bytes.len();
        match body.as_mut().poll_frame(&mut cx) {
            Poll::Pending => {}
            Poll::Ready(None) => {
                ends += 1;
                seen.rest.push((at, "end".into()));
            }
            Poll::Ready(Some(Err(error))) => {
                ends += 1;
                seen.rest.push((at, error.into()));
            }
            Poll::Ready(Some(Ok(frame))) => match frame.into_data() {
                Ok(data) => seen.bytes.extend_from_slice(&data),
                Err(trailers) => seen.rest.push((at, format!("{:?}", trailers.into_trailers().unwrap()))),
            },
        }
    }
    seen
}

/// Sends a request through a layer that looks into everything it can, and reads its body in the handler.
fn behind_the_layer(sources: Sources, content_type: &str, declared: bool, body: Script) -> (Seen, Option<ClickId>) {
    let handler = service_fn(async |request: Request<affitor_tower::Replay<Script>>| {
        let click_id = request.extensions().get::<ClickId>().cloned();
        Ok::<_, Infallible>((read(request.into_body()), click_id))
    });
    let mut service = ClickIdLayer::new().sources(sources).read_body().layer(handler);
    let mut request = Request::builder().header("content-type", content_type);
    if declared {
        request = request.header("content-length", body.left());
    }
    let mut response = pin!(service.call(request.body(body).unwrap()));
    let mut cx = Context::from_waker(Waker::noop());
    for _ in 0..10_000 {
        if let Poll::Ready(Ok(seen)) = response.as_mut().poll(&mut cx) {
            return seen;
        }
    }
    panic!("the layer never calls the handler");
}

fn assert_same(bare: &Seen, behind: &Seen) {
    assert_eq!(bare.bytes, behind.bytes);
    assert_eq!(bare.rest, behind.rest);
    for (offset, said) in &behind.said {
        let expected = &bare.said[offset];
        for what in said {
            assert!(expected.contains(what), "at {offset}: {what:?} is none of {expected:?}");
        }
    }
}

fn steps(bytes: &[u8], cuts: Vec<usize>, extras: Vec<(usize, Step)>) -> VecDeque<Step> {
    let mut steps = Vec::new();
    let mut rest = bytes;
    let mut cuts = cuts.into_iter().cycle();
    while !rest.is_empty() {
        let (frame, behind) = rest.split_at(cuts.next().unwrap_or(usize::MAX).min(rest.len()));
        steps.push(Step::Data(frame.to_vec()));
        rest = behind;
    }
    for (at, extra) in extras {
        steps.insert(at % (steps.len() + 1), extra);
    }
    // Trailers and errors end a body.
    if let Some(end) = steps.iter().position(|step| matches!(step, Step::Trailers | Step::Error)) {
        steps.truncate(end + 1);
    }
    steps.into()
}

fn any_bytes() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        prop::collection::vec(any::<u8>(), 0..300),
        Just(br#"{"email":"jo@example.com","affitorClickId":"cust_42_1714000000000","plan":"pro"}"#.to_vec()),
        Just(b"email=jo%40example.com&affitor_click_id=cust_42_1714000000000".to_vec()),
        Just(br#"{"affitorClickId":"cust_42_1714000000000""#.to_vec()),
    ]
}

fn any_script() -> impl Strategy<Value = Script> {
    let cuts = prop_oneof![Just(vec![1]), Just(vec![usize::MAX]), prop::collection::vec(1_usize..80, 1..6),];
    let extra = prop_oneof![
        4 => Just(Step::Pending),
        2 => Just(Step::Data(Vec::new())),
        1 => Just(Step::Trailers),
        1 => Just(Step::Error),
    ];
    let length = prop_oneof![
        3 => Just(Length::Exact),
        2 => Just(Length::Unknown),
        1 => (0_u64..200).prop_map(Length::AtLeast),
        1 => (0_u64..200).prop_map(Length::AtMost),
    ];
    let past_the_end = prop_oneof![Just(PastTheEnd::Nothing), Just(PastTheEnd::Error)];
    (any_bytes(), cuts, prop::collection::vec((any::<usize>(), extra), 0..5), length, any::<bool>(), past_the_end)
        .prop_map(|(bytes, cuts, extras, length, knows_its_end, past_the_end)| Script {
            steps: steps(&bytes, cuts, extras),
            length,
            knows_its_end,
            past_the_end,
            ended: false,
        })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 20_000, ..ProptestConfig::default() })]

    #[test]
    fn any_body_is_read_as_without_the_layer(
        script in any_script(),
        content_type in prop_oneof![
            4 => Just("application/json"),
            2 => Just("application/x-www-form-urlencoded"),
            1 => Just("text/plain"),
        ],
        limit in prop_oneof![Just(0_usize), 1_usize..400, Just(64 * 1024)],
        unknown_length: bool,
        declared: bool,
    ) {
        let sources = Sources::default().body_limit(limit).allow_unknown_length(unknown_length);
        let (behind, _) = behind_the_layer(sources, content_type, declared, script.clone());
        assert_same(&read(script), &behind);
    }

    #[test]
    fn an_id_is_found_however_the_body_is_cut(cuts in prop::collection::vec(1_usize..40, 1..8), knows_its_end: bool) {
        let json = br#"{"email":"jo@example.com","affitorClickId":"cust_42_1714000000000","plan":"pro"}"#;
        let script = Script {
            steps: steps(json, cuts, Vec::new()),
            length: Length::Exact,
            knows_its_end,
            past_the_end: PastTheEnd::Error,
            ended: false,
        };
        let (behind, click_id) = behind_the_layer(Sources::default(), "application/json", false, script);
        prop_assert_eq!(behind.bytes, json);
        prop_assert_eq!(click_id.unwrap(), "cust_42_1714000000000");
    }
}

#[test]
fn a_body_that_breaks_off_has_no_id() {
    let script = Script {
        steps: VecDeque::from([Step::Data(br#"{"affitorClickId":"cust_42_1"}"#.to_vec()), Step::Error]),
        length: Length::AtMost(0),
        knows_its_end: true,
        past_the_end: PastTheEnd::Nothing,
        ended: false,
    };
    let sources = Sources::default().allow_unknown_length(true);
    let (behind, click_id) = behind_the_layer(sources, "application/json", false, script);
    assert_eq!(click_id, None);
    assert_eq!(behind.rest[0], (30, "broken off".to_owned()));
}

/// A frame that is the whole body goes on as it came: the same memory, not a copy.
#[test]
fn a_single_frame_is_not_copied() {
    let bytes = Bytes::from_static(br#"{"affitorClickId":"cust_42_1"}"#);
    let sent = bytes.clone();
    let handler = service_fn(async |request: Request<affitor_tower::Replay<http_body_util::Full<Bytes>>>| {
        assert!(request.extensions().get::<ClickId>().is_some());
        let mut body = pin!(request.into_body());
        let Poll::Ready(Some(Ok(frame))) = body.as_mut().poll_frame(&mut Context::from_waker(Waker::noop())) else {
            panic!("no frame");
        };
        Ok::<_, Infallible>(frame.into_data().unwrap())
    });
    let mut service = ClickIdLayer::new().read_body().layer(handler);
    let request = Request::builder().header("content-type", "application/json");
    let response = service.call(request.body(http_body_util::Full::new(bytes)).unwrap());
    let Poll::Ready(Ok(got)) = pin!(response).poll(&mut Context::from_waker(Waker::noop())) else {
        panic!("not ready");
    };
    assert_eq!(got.as_ptr(), sent.as_ptr());
}
