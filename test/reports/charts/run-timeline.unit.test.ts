import { describe, expect, it } from 'vitest'
import { drawRunTimeline } from '../../../src/reports/charts/run-timeline.js'
import type { RunTimeline } from '../../../src/reports/charts/run-timeline.js'
import { drawnText, rectangles } from './svg.js'

const at = (minute: number) => new Date(Date.UTC(2026, 10, 1, 0, minute)).toISOString()
const chart = (scripts: RunTimeline['scripts']): RunTimeline => ({ kind: 'runs', title: 'Runs over time', table: 'Runs', now: at(100), scripts })
const draw = (scripts: RunTimeline['scripts'], perImage = 10) => drawRunTimeline(chart(scripts), 'c', perImage).map(({ markup }) => markup)
const runs = (svg: string) => rectangles(svg).filter(({ mark }) => mark !== 'track')

describe('drawRunTimeline', () => {
  it('draws each run from its start to its end on one axis', () => {
    const [svg = ''] = draw([
      { name: 'first', state: 'completed ×2', runs: [{ status: 'failed', startedAt: at(0), finishedAt: at(20) }, { status: 'completed', startedAt: at(40), finishedAt: at(50) }] },
      { name: 'second', state: 'running', runs: [{ status: 'running', startedAt: at(75), finishedAt: null }] },
      { name: 'third', state: 'pending', runs: [] },
    ])
    expect(runs(svg)).toEqual([{ mark: 'failed', x: 0, width: 20 }, { mark: 'completed', x: 40, width: 10 }, { mark: 'running', x: 75, width: 25 }])
    expect(drawnText(svg)).toEqual(['first', 'completed ×2', 'second', 'running', 'third', 'pending', '2026-11-01 00:00', '2026-11-01 01:40 UTC'])
    expect(svg).toContain('<title>running: 2026-11-01 01:15 to now UTC</title>')
    expect(svg).toContain('<title id="c-1-t">Runs over time</title><desc id="c-1-d">The table “Runs” has the same figures.</desc>')
  })

  it('a short run is seen, also at the right end', () => {
    const [svg = ''] = draw([{ name: 'a', state: '', runs: [{ status: 'completed', startedAt: at(0), finishedAt: at(0) }, { status: 'rolled_back', startedAt: at(1000), finishedAt: at(1000) }] }])
    expect(runs(svg)).toEqual([{ mark: 'completed', x: 0, width: 0.7 }, { mark: 'rolled_back', x: 99.3, width: 0.7 }])
  })

  it('a single instant, and no run at all', () => {
    expect(runs(draw([{ name: 'a', state: '', runs: [{ status: 'completed', startedAt: at(1), finishedAt: at(1) }] }])[0] ?? '')).toEqual([{ mark: 'completed', x: 50, width: 0.7 }])
    expect(draw([{ name: 'a', state: 'pending', runs: [] }])).toEqual([])
  })

  it('is cut into images with one axis, and hostile names are escaped', () => {
    const scripts = Array.from({ length: 5 }, (_, index) => ({ name: `<b>${index}`, state: 'completed', runs: [{ status: 'completed' as const, startedAt: at(index), finishedAt: at(index + 1) }] }))
    const images = draw(scripts, 3)
    expect(images).toHaveLength(2)
    expect(images[1]).toContain('<title id="c-2-t">Runs over time, 4 to 5 of 5</title>')
    expect(images.map((svg) => drawnText(svg).slice(-2))).toEqual([['2026-11-01 00:00', '2026-11-01 00:05 UTC'], ['2026-11-01 00:00', '2026-11-01 00:05 UTC']])
    expect(images.join('')).not.toContain('<b>')
  })
})
